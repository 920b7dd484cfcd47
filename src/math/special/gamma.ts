const eulerGamma = 0.5772156649015329
const halfLogTwoPi = 0.9189385332046728

/** zeta(n) - 1 for n = 0…35 (0 and 1 unused), by direct sum and an Euler–Maclaurin tail. */
const zetaMinusOne = Float64Array.from({ length: 36 }, (_, n) => {
  if (n < 2) return 0
  const last = 20
  let sum = 0
  for (let k = last - 1; k >= 2; k--) sum += k ** -n
  const edge = last ** -n
  return (
    sum +
    (edge * last) / (n - 1) +
    edge / 2 +
    (n * edge) / (12 * last) -
    (n * (n + 1) * (n + 2) * edge) / (720 * last ** 3) +
    (n * (n + 1) * (n + 2) * (n + 3) * (n + 4) * edge) / (30240 * last ** 5)
  )
})

/** ln Γ(2 + e) for |e| ≤ 1/2: exact in relative terms around its zero at e = 0. */
function nearTwo(e: number): number {
  let sum = 0
  for (let n = 35; n >= 2; n--) sum = sum * e + ((n % 2 === 0 ? 1 : -1) * (zetaMinusOne[n] as number)) / n
  return e * (1 - eulerGamma + e * sum)
}

/** ln Γ(x) minus Stirling's (x - 1/2) ln x - x + ln √(2π), for x ≥ 12. */
export function stirlingCorrection(x: number): number {
  const y = 1 / (x * x)
  return (1 / 12 - y * (1 / 360 - y * (1 / 1260 - y * (1 / 1680 - y * (1 / 1188 - y * (691 / 360360 - y / 156)))))) / x
}

/** ln Γ(x) for x > 0; NaN elsewhere. Relative accuracy about 1e-14, also around the zeros at 1 and 2. */
export function lgamma(x: number): number {
  if (!(x > 0)) return x === 0 ? Number.POSITIVE_INFINITY : Number.NaN
  if (x >= 12)
    return x === Number.POSITIVE_INFINITY ? x : (x - 0.5) * Math.log(x) - x + halfLogTwoPi + stirlingCorrection(x)
  if (x < 0.5) return nearTwo(x) - Math.log1p(x) - Math.log(x)
  if (x < 1.5) return nearTwo(x - 1) - Math.log1p(x - 1)
  let product = 1
  let y = x
  while (y > 2.5) {
    y -= 1
    product *= y
  }
  return nearTwo(y - 2) + Math.log(product)
}

/** ln B(a, b) for a, b > 0, without the cancellation of three large lgammas (Didonato and Morris 1992). */
export function logBeta(a: number, b: number): number {
  const p = Math.min(a, b)
  const q = Math.max(a, b)
  if (!(p > 0)) return p === 0 ? Number.POSITIVE_INFINITY : Number.NaN
  if (q === Number.POSITIVE_INFINITY) return Number.NEGATIVE_INFINITY
  if (q < 12) return lgamma(p) + lgamma(q) - lgamma(p + q)
  const correction = stirlingCorrection(q) - stirlingCorrection(p + q)
  if (p < 12) return lgamma(p) + p - p * Math.log(p + q) - (q - 0.5) * Math.log1p(p / q) + correction
  return (
    halfLogTwoPi -
    0.5 * Math.log(q) +
    stirlingCorrection(p) +
    correction +
    (p - 0.5) * Math.log(p / (p + q)) -
    q * Math.log1p(p / q)
  )
}

/** t - ln(1 + t), accurate for small t; NaN below -1. */
export function minusLog1p(t: number): number {
  if (t === Number.POSITIVE_INFINITY) return t
  if (t < -0.4 || t > 0.6) return t - Math.log1p(t)
  // ln(1 + t) = 2 atanh(s), s = t / (2 + t): t - ln(1 + t) = s t - 2 (s^3/3 + s^5/5 + …)
  const s = t / (2 + t)
  const s2 = s * s
  let sum = 0
  for (let n = 45; n >= 3; n -= 2) sum = sum * s2 + 1 / n
  return s * (t - 2 * s2 * sum)
}
