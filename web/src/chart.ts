import 'uplot/dist/uPlot.min.css'
import uPlot from 'uplot'

export interface Line {
  readonly label: string
  readonly values: readonly (number | null)[]
  /** Drawn dashed: a limit. */
  readonly limit?: boolean
  /** Which colour it has, where there are several. */
  readonly hue?: number
}

const hues = ['--accent', '--care', '--good', '--calm'] as const

const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' })

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone: 'UTC' })

/** Draws lines over time into an element of fixed height; gives the way to take it away. Loaded when first needed. */
export function draw(into: HTMLElement, times: readonly number[], lines: readonly Line[]): () => void {
  const style = getComputedStyle(document.documentElement)
  const colour = (name: string): string => style.getPropertyValue(name).trim()
  const axis = {
    stroke: colour('--soft'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui',
  }
  const span = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1e6
  const format = span > 2.5 * 86_400 ? day : clock
  // The newest figures stand below the lines until somebody points at others
  const showNewest = (plot: uPlot): void => {
    if (plot.cursor.idx == null) plot.setLegend({ idx: times.length - 1 }, false)
  }
  const chart = new uPlot(
    {
      width: into.clientWidth,
      height: 180,
      cursor: { drag: { x: false, y: false } },
      legend: { live: true },
      hooks: { ready: [showNewest], setCursor: [showNewest] },
      scales: { y: { range: (_, low, high) => (low < high / 3 ? [0, high * 1.1 || 1] : [low * 0.97, high * 1.03]) } },
      axes: [
        { ...axis, size: 30, values: (_, splits) => splits.map(split => format.format(split * 1000)) },
        { ...axis, size: 46 },
      ],
      series: [
        { label: 'At', value: (_, time) => (time == null ? '–' : format.format(time * 1000)) },
        ...lines.map(line => ({
          label: line.label,
          stroke: colour(line.limit ? '--bad' : (hues[(line.hue ?? 0) % hues.length] ?? '--accent')),
          width: line.limit ? 1 : 2,
          ...(line.limit ? { dash: [4, 4] } : {}),
          points: { show: false },
          value: (_: uPlot, value: number | null) =>
            value == null ? '–' : Number.isInteger(value) ? String(value) : value.toPrecision(3),
        })),
      ],
    },
    [times.map(time => time / 1e6), ...lines.map(line => [...line.values])] as uPlot.AlignedData,
    into,
  )
  const resized = new ResizeObserver(() => chart.setSize({ width: into.clientWidth, height: 180 }))
  resized.observe(into)
  return () => {
    resized.disconnect()
    chart.destroy()
  }
}
