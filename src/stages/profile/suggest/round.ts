/** Digits after the point that a step of 10^power has; whole above 1. */
const places = (power: number): number => Math.max(0, -power)

/** Up to the next number of so many significant digits. */
export function roundUp(value: number, digits: number): number {
  if (value === 0) return 0
  const power = Math.floor(Math.log10(Math.abs(value))) - digits + 1
  const scaled = power >= 0 ? value / 10 ** power : value * 10 ** -power
  const whole = Math.ceil(scaled - 1e-9)
  return Number((power >= 0 ? whole * 10 ** power : whole / 10 ** -power).toFixed(places(power)))
}

export const roundDown = (value: number, digits: number): number => -roundUp(-value, digits)

/** Bounds outside of both values, on steps of a tenth of the range's magnitude. */
export function roundOut(low: number, high: number): { readonly low: number; readonly high: number } {
  const power = Math.floor(Math.log10(high - low)) - 1
  const step = 10 ** power
  const on = (whole: number) => Number((power >= 0 ? whole * step : whole / 10 ** -power).toFixed(places(power)))
  const scale = (value: number) => (power >= 0 ? value / step : value * 10 ** -power)
  return { low: on(Math.floor(scale(low) + 1e-9)), high: on(Math.ceil(scale(high) - 1e-9)) }
}

/** The least share that must hold when at most `bad` may not: 0.999 for 0.0004. */
export function mostlyOf(bad: number): number {
  const power = Math.ceil(Math.log10(bad) - 1e-9)
  return Number((1 - 10 ** power).toFixed(places(power)))
}
