/** Text as HTML shows it: nothing from data becomes markup. */
export function escape(text: string): string {
  return text.replace(/[&<>"']/g, char => `&#${char.charCodeAt(0)};`)
}

export const number = (value: number): string => value.toLocaleString('en-US', { maximumFractionDigits: 4 })

export function percent(share: number): string {
  if (!Number.isFinite(share)) return '–'
  const value = 100 * share
  return `${value !== 0 && Math.abs(value) < 0.01 ? value.toPrecision(2) : String(Number(value.toFixed(2)))} %`
}
