export const number = (x: number, digits = 3): string => x.toLocaleString('en-US', { maximumFractionDigits: digits })
export const percent = (x: number, digits = 1): string => `${number(100 * x, digits)} %`

/** Significant figures for metrics: 0.7112, not 0.711200001. */
export const figure = (x: unknown): string =>
  typeof x === 'number' ? (Number.isInteger(x) ? number(x) : String(Number(x.toPrecision(4)))) : String(x)

export function duration(micros: number): string {
  const seconds = micros / 1e6
  if (seconds < 1) return `${Math.max(1, Math.round(seconds * 1000))} ms`
  if (seconds < 90) return `${number(seconds, 1)} s`
  const minutes = seconds / 60
  if (minutes < 59.5) return `${number(minutes, 0)} min`
  return minutes < 48 * 60 ? `${number(minutes / 60, 1)} h` : `${number(minutes / 1440, 0)} d`
}

export function ago(at: number): string {
  const past = Date.now() * 1000 - at
  if (past < 10e6) return 'just now'
  // Beyond two months the date says more than the number of days
  if (past > 60 * 86_400e6) return new Date(at / 1000).toISOString().slice(0, 10)
  return past < 90e6 ? `${Math.round(past / 1e6)} s ago` : `${duration(past)} ago`
}

export const dateTime = (at: number): string => new Date(at / 1000).toISOString().slice(0, 16).replace('T', ' ')
export const shortDigest = (digest: string): string => digest.replace(/^sha256:/, '').slice(0, 12)
export const shortNode = (node: string): string =>
  node.startsWith('sha256:')
    ? shortDigest(node)
    : node.startsWith('run:')
      ? `run ${node.slice(-6)}`
      : node.replace(/^model:/, '')
