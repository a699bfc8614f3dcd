// WebGPU's flags, by their numbers in its specification: a process has them as globals only once it has opened WebGPU, and what is merely
// recorded needs none.

export const bufferUsage = {
  MAP_READ: 0x1,
  MAP_WRITE: 0x2,
  COPY_SRC: 0x4,
  COPY_DST: 0x8,
  UNIFORM: 0x40,
  STORAGE: 0x80,
  QUERY_RESOLVE: 0x200,
} as const;
