// chat_runtime.ts — what a printed chat template calls: Python's semantics, one function an export,
// so that a bundle carries only what its template uses. Interprets nothing.
export * from './chat/values';
export * from './chat/text';
export * from './chat/operators';
export * from './chat/loops';
export * from './chat/json';
export * from './chat/functions';
export * from './chat/filters';
export * from './chat/filters_list';
export * from './chat/tests';
export * from './chat/methods';
export * from './chat/methods_string';
export * from './chat/percent';
export * from './chat/string_format';
