// gpu.ts — the device that a model runs on: the adapter's limits, what it really can, and its end.
// Knows no model and no kernels.
import { M2wError } from './errors';
import type { EngineGpu } from './types';

/** A device, and how it ends. */
export interface Gpu extends EngineGpu {
  /** What the browser tells of the adapter. */
  readonly name: string;
  /** Resolves with the reason when the device was lost; destroy() does not count. */
  readonly lost: Promise<string>;
  /** `device-lost` or `gpu` once something is wrong: a browser only says so beside the commands. */
  failure(): M2wError | undefined;
  destroy(): void;
}

export interface GpuOptions {
  /** navigator.gpu when not given. */
  gpu?: GPU;
  powerPreference?: GPUPowerPreference;
}

const mostDispatchesOnIos = 25;

const refused = ({ message }: GPUError): M2wError => new M2wError('gpu', `refused: ${message}`);

/** Bytes that a buffer may have which kernels read or write. */
export const largestBuffer = ({ limits }: GPUDevice): number => Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize);

/** Of kernels: a uniform buffer, and those that are read (r), written (w) or uniform, too (u). */
export const bindingsOf = (device: GPUDevice, io: string): GPUBindGroupLayout => device.createBindGroupLayout({
  entries: [...'u' + io].map((c, binding) => ({
    binding, visibility: GPUShaderStage.COMPUTE, buffer: { type: c === 'u' ? 'uniform' : c === 'r' ? 'read-only-storage' : 'storage' },
  })),
});

export const bindGroup = (device: GPUDevice, layout: GPUBindGroupLayout, buffers: readonly GPUBuffer[]): GPUBindGroup =>
  device.createBindGroup({ layout, entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })) });

function isIos(): boolean {
  const { userAgent = '', maxTouchPoints = 0 } = globalThis.navigator ?? {};
  return /iPhone|iPad|iPod/.test(userAgent) || (/Macintosh/.test(userAgent) && maxTouchPoints > 1);
}

/** A device with buffers as large as its adapter allows. Error: no-webgpu. */
export async function openGpu(options: GpuOptions = {}): Promise<Gpu> {
  const gpu = options.gpu ?? (globalThis.navigator as Navigator | undefined)?.gpu;
  if (!gpu) throw new M2wError('no-webgpu', 'no WebGPU in this browser, or no https');
  const adapter = await gpu.requestAdapter({ powerPreference: options.powerPreference ?? 'high-performance' });
  if (!adapter) throw new M2wError('no-webgpu', 'no usable GPU');
  const subgroups = adapter.features.has('subgroups'), { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  const device = await adapter.requestDevice({
    requiredFeatures: subgroups ? ['subgroups'] : [],
    // Without being asked for, a device allows no more than 128 MiB a binding, whatever the adapter can.
    requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
  }).catch((e: unknown) => { throw new M2wError('no-webgpu', `no device: ${e}`); });
  const { info } = adapter;
  const name = [info.vendor, info.architecture, info.device, info.description].filter(Boolean).join(' ');
  let destroyed = false, failure: M2wError | undefined;
  const lost = device.lost.then(({ message, reason }) => {
    if (destroyed) return new Promise<never>(() => undefined);
    failure = new M2wError('device-lost', `GPU lost: ${message || reason}`);
    return failure.message;
  });
  device.onuncapturederror = ({ error }) => {
    failure ??= refused(error);
  };
  return {
    device,
    name,
    // Its kernels count on subgroups of at least four, as those of SwiftShader are; other CPUs take those for GPUs. Outside of
    // browsers only the name tells.
    cpu: (info.isFallbackAdapter || /swiftshader/i.test(name)) && subgroups && info.subgroupMinSize === 4,
    subgroups,
    dispatchesPerSubmit: isIos() ? mostDispatchesOnIos : 0,
    lost,
    failure: () => failure,
    destroy() {
      destroyed = true;
      device.destroy();
    },
  };
}

/** What the GPU refuses of `work` becomes an error: too-large (no memory), gpu (anything else). */
export async function checked<T>(device: GPUDevice, work: () => Promise<T>): Promise<T> {
  device.pushErrorScope('validation');
  device.pushErrorScope('out-of-memory');
  const pop = () => device.popErrorScope().catch(() => null); // a lost device answers nothing
  try {
    return await work();
  } finally {
    const memory = await pop(), other = await pop();
    if (memory) throw new M2wError('too-large', `no memory: ${memory.message}`);
    if (other) throw refused(other);
  }
}
