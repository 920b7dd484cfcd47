import colors from 'picocolors'

/** Chapters of a story and what happens within them, on stderr. */
export interface Progress {
  chapter(title: string): void
  say(text: string): void
  /** Clears what is live; whatever is printed next begins on its own line. */
  end(): void
}

type Stream = Pick<NodeJS.WriteStream, 'write'> & { readonly isTTY?: boolean; readonly columns?: number }

const silent: Progress = { chapter: () => undefined, say: () => undefined, end: () => undefined }
const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
/** Milliseconds between two plain lines: enough to see that it lives, few enough for a log. */
const plainEvery = 2000

const clock = (since: number): string => {
  const seconds = Math.floor((performance.now() - since) / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

/** One live line on a terminal, plain lines elsewhere, nothing with `--json`. */
export function createProgress(json: boolean, stream: Stream = process.stderr): Progress {
  if (json) return silent
  return stream.isTTY ? live(stream) : plain(stream)
}

function plain(stream: Stream): Progress {
  const started = performance.now()
  let last = Number.NEGATIVE_INFINITY
  return {
    chapter(title) {
      if (title !== '') stream.write(`[${clock(started)}] ${title}\n`)
      last = Number.NEGATIVE_INFINITY
    },
    say(text) {
      if (text === '' || performance.now() - last < plainEvery) return
      last = performance.now()
      stream.write(`         ${text}\n`)
    },
    end: () => undefined,
  }
}

function live(stream: Stream): Progress {
  const started = performance.now()
  const { bold, dim, cyan, green } = colors
  let title = ''
  let begun = started
  let text = ''
  let frame = 0
  const draw = (): void => {
    const room = Math.max(20, (stream.columns ?? 80) - 16)
    const shown = text.length > room ? `${text.slice(0, room - 1)}…` : text
    stream.write(`\r\u001b[2K${cyan(frames[frame % frames.length] as string)} ${dim(clock(started))}  ${shown}`)
  }
  const timer = setInterval(() => {
    frame++
    if (title !== '' || text !== '') draw()
  }, 120)
  timer.unref()
  const finish = (): void => {
    stream.write('\r\u001b[2K')
    if (title !== '') stream.write(`\u001b[1A\u001b[2K${green('✓')} ${bold(title)} ${dim(clock(begun))}\n`)
    title = ''
    text = ''
  }
  return {
    chapter(next) {
      finish()
      title = next
      begun = performance.now()
      if (next !== '') stream.write(`${cyan('▸')} ${bold(next)}\n`)
    },
    say(next) {
      text = next.replace(/\s+/g, ' ')
    },
    end() {
      clearInterval(timer)
      finish()
    },
  }
}
