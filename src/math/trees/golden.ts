/** 2^32 / the golden ratio: multiples of it are spread evenly over 32 bits, over any run of them. */
export const golden = 0x9e3779b9 | 0
