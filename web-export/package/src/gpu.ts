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
  /** Without shader-f16, even where it works. */
  noF16?: boolean;
}

// Without being asked for, a device allows no more than 128 MiB a binding, whatever the adapter can.
const limits = ['maxBufferSize', 'maxStorageBufferBindingSize', 'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup', 'maxComputeWorkgroupSizeX'] as const;
const mostDispatchesOnIos = 25;

// Numbers that a half holds exactly, through one buffer of halves from one pass to the next.
const probe = /* wgsl */ `enable f16;
@group(0) @binding(0) var<storage, read_write> halves: array<f16>;
@group(0) @binding(1) var<storage, read_write> floats: array<f32>;
@compute @workgroup_size(16) fn first(@builtin(local_invocation_index) i: u32) { halves[i] = f16(i) * 0.5h - 3.5h; }
@compute @workgroup_size(16) fn second(@builtin(local_invocation_index) i: u32) {
  floats[i] = f32(halves[i] * halves[i] + halves[15u - i] * 2.0h);
}`;

async function halvesWork(device: GPUDevice): Promise<boolean> {
  device.pushErrorScope('validation');
  const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const buffers = [STORAGE, STORAGE | COPY_SRC, COPY_DST | MAP_READ].map((usage) => device.createBuffer({ size: 64, usage }));
  const [, floats, back] = buffers as [GPUBuffer, GPUBuffer, GPUBuffer];
  try {
    const module = device.createShaderModule({ code: probe }), encoder = device.createCommandEncoder();
    for (const [i, entryPoint] of ['first', 'second'].entries()) {
      const pipeline = device.createComputePipeline({ layout: 'auto', compute: { module, entryPoint } });
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: buffers.slice(0, i + 1).map((buffer, binding) => ({ binding, resource: { buffer } })),
      }));
      pass.dispatchWorkgroups(1);
      pass.end();
    }
    encoder.copyBufferToBuffer(floats, 0, back, 0, 64);
    device.queue.submit([encoder.finish()]);
    await back.mapAsync(GPUMapMode.READ);
    const half = (i: number) => i / 2 - 3.5;
    return new Float32Array(back.getMappedRange()).every((x, i) => x === half(i) ** 2 + half(15 - i) * 2);
  } catch {
    return false;
  } finally {
    for (const buffer of buffers) buffer.destroy();
    await device.popErrorScope();
  }
}

function isIos(): boolean {
  const { userAgent = '', maxTouchPoints = 0 } = globalThis.navigator ?? {};
  return /iPhone|iPad|iPod/.test(userAgent) || (/Macintosh/.test(userAgent) && maxTouchPoints > 1);
}

/** A device with all that its adapter allows. Error: no-webgpu. */
export async function openGpu(options: GpuOptions = {}): Promise<Gpu> {
  const gpu = options.gpu ?? (globalThis.navigator as Navigator | undefined)?.gpu;
  if (!gpu) throw new M2wError('no-webgpu', 'no WebGPU in this browser, or no https');
  const adapter = await gpu.requestAdapter({ powerPreference: options.powerPreference ?? 'high-performance' });
  if (!adapter) throw new M2wError('no-webgpu', 'no usable GPU');
  const wanted = ['subgroups', ...(options.noF16 ? [] : ['shader-f16'])] as GPUFeatureName[];
  const features = wanted.filter((feature) => adapter.features.has(feature));
  const device = await adapter.requestDevice({
    requiredFeatures: features,
    requiredLimits: Object.fromEntries(limits.map((name) => [name, adapter.limits[name]])),
  }).catch((e: unknown) => { throw new M2wError('no-webgpu', `no device: ${e}`); });
  const { info } = adapter;
  const name = [info.vendor, info.architecture, info.device, info.description].filter(Boolean).join(' ');
  let destroyed = false, failure: M2wError | undefined;
  const lost = new Promise<string>((resolve) => {
    void device.lost.then(({ message, reason }) => {
      if (destroyed) return;
      failure = new M2wError('device-lost', `GPU lost: ${message || reason}`);
      resolve(failure.message);
    });
  });
  device.onuncapturederror = ({ error }) => {
    failure ??= new M2wError('gpu', `refused: ${error.message}`);
  };
  return {
    device,
    name,
    // Older browsers have it on the adapter; outside of browsers only the name tells.
    cpu: info.isFallbackAdapter || !!(adapter as { isFallbackAdapter?: boolean }).isFallbackAdapter || /swiftshader|llvmpipe|lavapipe/i.test(name),
    subgroups: device.features.has('subgroups'),
    f16: device.features.has('shader-f16') && (await halvesWork(device)),
    packed: !!gpu.wgslLanguageFeatures?.has('packed_4x8_integer_dot_product'),
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
  let memory: GPUError | null = null, other: GPUError | null = null;
  try {
    return await work();
  } finally {
    memory = await device.popErrorScope().catch(() => null); // a lost device answers nothing
    other = await device.popErrorScope().catch(() => null);
    if (memory) throw new M2wError('too-large', `no memory: ${memory.message}`);
    if (other) throw new M2wError('gpu', `refused: ${other.message}`);
  }
}
