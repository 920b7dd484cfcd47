import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { notifierContract } from '../../testing/notifier-contract.ts'
import { logNotifier } from './log/notifier.ts'
import { webhookNotifier } from './webhook/notifier.ts'

async function receiver(answers: readonly number[] = [200]) {
  const bodies: string[] = []
  let asked = 0
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', chunk => {
      body += String(chunk)
    })
    request.on('end', () => {
      const status = answers[Math.min(asked++, answers.length - 1)] as number
      if (status === 200) bodies.push(body)
      response.writeHead(status).end()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
  return { url, bodies, asked: () => asked, close: () => new Promise<void>(resolve => server.close(() => resolve())) }
}

describe('the log notifier', () => {
  for (const { name, run } of notifierContract(async () => {
    const lines: string[] = []
    return { notifier: logNotifier(line => lines.push(line)), received: () => lines, close: async () => undefined }
  }))
    it(name, run)
})

describe('the webhook notifier', () => {
  for (const { name, run } of notifierContract(async () => {
    const { url, bodies, close } = await receiver()
    return { notifier: webhookNotifier({ url, secret: 's' }), received: () => bodies, close }
  }))
    it(name, run)

  const alert = {
    fingerprint: 'f',
    name: 'drift',
    severity: 'ticket',
    state: 'firing',
    summary: 's',
    labels: {},
    startsAt: 0,
  } as const
  it('tries again what may pass, and says what did not', async () => {
    const once = await receiver([503, 200])
    await webhookNotifier({ url: once.url }).send(alert)
    expect(once.asked()).toBe(2)
    await once.close()
    const never = await receiver([400])
    await expect(webhookNotifier({ url: never.url }).send(alert)).rejects.toThrow(/400/)
    expect(never.asked()).toBe(1)
    await never.close()
  })
})
