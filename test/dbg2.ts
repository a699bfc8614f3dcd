import { openDevice } from '@lockstep/tensor/node';
const d = await openDevice();
for (const k of [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'minStorageBufferOffsetAlignment',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
])
  console.log(k, (d.limits as any)[k]);
await d.close();
