/** Slots of a column's histogram: up to 255 bins of values, and the missing values in the last. */
export const slots = 256
