const encoder = new TextEncoder()
const heartbeatMs = 15_000

/** Sends one event to a reader of server-sent events. */
export type SendEvent = (event: {
  readonly type: string
  readonly data: unknown
  readonly id?: string | number
}) => void

/**
 * Answers with server-sent events until `feed` ends them or the reader goes. `feed` is told how to send and how to end, and
 * gives what is to be done when it is over. A reader that takes nothing for long is let go rather than buffered for.
 */
export function eventStream(feed: (send: SendEvent, end: () => void) => () => void): Response {
  let stop = (): void => undefined
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      let over = false
      const write = (text: string): void => {
        if (over) return
        if ((controller.desiredSize ?? 0) < -500) return end()
        controller.enqueue(encoder.encode(text))
      }
      const timer = setInterval(() => write(': still here\n\n'), heartbeatMs)
      timer.unref()
      let release = (): void => undefined
      stop = () => {
        over = true
        clearInterval(timer)
        release()
      }
      const end = (): void => {
        if (over) return
        stop()
        controller.close()
      }
      write('retry: 1000\n\n')
      release = feed(({ type, data, id }) => {
        write(`${id === undefined ? '' : `id: ${id}\n`}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`)
      }, end)
    },
    cancel() {
      stop()
    },
  })
  return new Response(stream, {
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
  })
}
