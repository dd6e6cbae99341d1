// node.d.ts — Node's modules and plain JavaScript, untyped: tests use a few of their functions, the package none.
declare module 'node:*';
declare const process: any;
declare const Buffer: any;
declare module '*.mjs';
