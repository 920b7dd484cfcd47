import { expect, it } from 'vitest'
import { barOpacity } from './distributions.ts'
import { style } from './style.ts'

type Colour = readonly number[]

const schemes = [...style.matchAll(/:root\{([^}]*)\}/g)].map(match => {
  const found = [...(match[1] ?? '').matchAll(/--(\w+):#([0-9a-f]{3,6})/g)].map(([, name, hex = '']) => {
    const whole = hex.length === 3 ? [...hex].map(char => char + char).join('') : hex
    return [name, [0, 2, 4].map(i => Number.parseInt(whole.slice(i, i + 2), 16))] as const
  })
  return new Map<string | undefined, Colour>(found)
})

function luminance(colour: Colour): number {
  const [r = 0, g = 0, b = 0] = colour.map(value => {
    const part = value / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

/** The contrast of WCAG 2: text of any size needs 4.5 for level AA. */
function contrast(a: Colour, b: Colour): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x)
  return (light + 0.05) / (dark + 0.05)
}

const over = (top: Colour, below: Colour, opacity: number): Colour =>
  top.map((value, i) => opacity * value + (1 - opacity) * (below[i] ?? 0))

it.each([
  ['light', 0],
  ['dark', 1],
] as const)('text on bars, cards and the page can be read in the %s scheme', (_, scheme) => {
  const of = (name: string) => schemes[scheme]?.get(name) as Colour
  const bar = over(of('bar'), of('tint'), barOpacity)
  for (const below of [bar, of('tint')]) expect(contrast(of('ink'), below)).toBeGreaterThan(4.5)
  for (const text of ['ink', 'soft', 'bad', 'warn', 'info', 'ok'])
    for (const below of ['card', 'page']) expect([text, contrast(of(text), of(below)) > 4.5]).toEqual([text, true])
})
