import type { ScalarType } from '../../define/expression/node.ts'
import { compareValues } from '../../define/expression/index.ts'

/** As they are written: the channels whose values are texts, and the texts. */
interface PackedTexts {
  readonly channels: readonly number[]
  readonly texts: readonly string[]
}

/** The texts of a record, each once; channels that have texts hold places in them. */
export class RecordTexts {
  readonly #texts: string[] = []
  readonly #channels = new Set<number>()
  #places: Map<string, number> | undefined

  /** Whether values of that channel are texts. */
  has(channel: number): boolean {
    return this.#channels.has(channel)
  }

  placeOf(channel: number, text: string): number {
    this.#channels.add(channel)
    const places = (this.#places ??= new Map(this.#texts.map((one, i) => [one, i])))
    let place = places.get(text)
    if (place === undefined) places.set(text, (place = this.#texts.push(text) - 1))
    return place
  }

  text(place: number): string | null {
    return this.#texts[place] ?? null
  }

  /** A value of that channel, as it was given. */
  read(channel: number, value: number): number | string {
    return this.has(channel) && !Number.isNaN(value) ? (this.#texts[value] as string) : value
  }

  /** Orders places as what the texts stand for: whole numbers of any size, or texts by code point. */
  compareAs(type: ScalarType): (a: number, b: number) => number {
    const texts = this.#texts
    return type === 'int'
      ? (a, b) => compareValues(BigInt(texts[a] ?? 0), BigInt(texts[b] ?? 0))
      : (a, b) => compareValues(texts[a] ?? '', texts[b] ?? '')
  }

  copy(): RecordTexts {
    const made = new RecordTexts()
    made.#texts.push(...this.#texts)
    for (const channel of this.#channels) made.#channels.add(channel)
    return made
  }

  /** Only texts that the first `length` values still have, with the values that stand for them. */
  packed(
    columns: readonly Float64Array[],
    length: number,
  ): { readonly texts?: PackedTexts; readonly values: ReadonlyMap<Float64Array, Float64Array> } {
    const values = new Map<Float64Array, Float64Array>()
    if (this.#channels.size === 0) return { values }
    const packed = new RecordTexts()
    const channels = [...this.#channels].sort((a, b) => a - b)
    for (const channel of channels) {
      const column = columns[channel] as Float64Array
      values.set(
        column,
        column.slice(0, length).map(value => {
          const text = this.read(channel, value)
          return typeof text === 'string' ? packed.placeOf(channel, text) : text
        }),
      )
    }
    return { texts: { channels, texts: packed.#texts }, values }
  }

  static unpacked(json: string): RecordTexts {
    const { channels, texts } = JSON.parse(json) as PackedTexts
    const made = new RecordTexts()
    made.#texts.push(...texts)
    for (const channel of channels) made.#channels.add(channel)
    return made
  }
}
