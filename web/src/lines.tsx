import { useEffect, useRef } from 'preact/hooks'
import type { Line } from './chart.ts'

/** Lines over time; the library that draws them is loaded with the first. */
export function Chart({ times, lines, label }: { times: readonly number[]; lines: readonly Line[]; label: string }) {
  const place = useRef<HTMLDivElement>(null)
  const key = JSON.stringify([
    times.at(0),
    times.at(-1),
    times.length,
    lines.map(line => [line.label, line.values.at(-1)]),
  ])
  useEffect(() => {
    let gone = false
    let end = (): void => {}
    void import('./chart.ts').then(({ draw }) => {
      if (!gone && place.current) end = draw(place.current, times, lines)
    })
    return () => {
      gone = true
      end()
    }
  }, [key])
  return <div class="chart" ref={place} role="img" aria-label={label} />
}
