/** One code point, or undefined: any one. */
type Place = string | undefined

/** As a person compares letters without their case. What grows when folded (ß) stays, so that `_` is still one of it. */
function foldOne(character: string): string {
  const upper = character.toUpperCase()
  const lower = (upper.length === character.length ? upper : character).toLowerCase()
  return lower.length === character.length ? lower : character
}

/** Code points, so that `_` takes a whole one; a half of a pair stands for itself. */
function charactersOf(text: string, fold: boolean): string[] {
  const characters = Array.from(text)
  return fold ? characters.map(foldOne) : characters
}

function fitsAt(places: readonly Place[], text: readonly string[], at: number): boolean {
  return places.every((place, i) => place === undefined || place === text[at + i])
}

/**
 * Finds where a piece ends for the first time at or after `from`, by one bit a place (Shift-And): every character of the
 * text is looked at once, whatever came before it.
 */
function finder(places: readonly Place[]): (text: readonly string[], from: number) => number {
  const words = Math.ceil(places.length / 32)
  const any = new Int32Array(words)
  const masks = new Map<string, Int32Array>()
  const set = (mask: Int32Array, i: number): void => {
    mask[i >>> 5] = (mask[i >>> 5] ?? 0) | (1 << (i & 31))
  }
  places.forEach((place, i) => place === undefined && set(any, i))
  places.forEach((place, i) => {
    if (place === undefined) return
    const mask = masks.get(place) ?? any.slice()
    set(mask, i)
    masks.set(place, mask)
  })
  const last = places.length - 1
  return (text, from) => {
    const state = new Int32Array(words)
    for (let at = from; at < text.length; at++) {
      const mask = masks.get(text[at] as string) ?? any
      let carry = 1
      for (let word = 0; word < words; word++) {
        const before = state[word] as number
        state[word] = ((before << 1) | carry) & (mask[word] as number)
        carry = before >>> 31
      }
      if (((state[last >>> 5] as number) >>> (last & 31)) & 1) return at + 1
    }
    return -1
  }
}

/**
 * Whether a text is like a pattern: `%` is any number of characters, `_` one, all else itself; there is no escape. Takes
 * time by the length of the text, never by the ways in which the pattern could be laid over it.
 */
export function wildcard(pattern: string, fold: boolean): (text: string) => boolean {
  const pieces = pattern.split('%').map(piece => charactersOf(piece, fold).map(one => (one === '_' ? undefined : one)))
  const first = pieces[0] ?? []
  const last = pieces.at(-1) ?? []
  if (pieces.length === 1)
    return text => {
      const characters = charactersOf(text, fold)
      return characters.length === first.length && fitsAt(first, characters, 0)
    }
  const between = pieces.slice(1, -1).filter(piece => piece.length > 0)
  const finders = between.map(finder)
  const shortest = first.length + last.length + between.reduce((sum, piece) => sum + piece.length, 0)
  return text => {
    const characters = charactersOf(text, fold)
    const end = characters.length - last.length
    if (characters.length < shortest || !fitsAt(first, characters, 0) || !fitsAt(last, characters, end)) return false
    let at = first.length
    for (const find of finders) {
      at = find(characters, at)
      if (at < 0 || at > end) return false
    }
    return at <= end
  }
}
