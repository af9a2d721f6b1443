/** How many times slower than an ordinary machine this one is, by TCOMPOSE_SLOWNESS: what a test waits for at most grows with it. */

/** 1 on a real processor; scripts/in-vm-inside sets it for an emulated one. */
export const slowness = Math.max(1, Number(process.env['TCOMPOSE_SLOWNESS'] ?? 1) || 1);
