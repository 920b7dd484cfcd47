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
  it('writes what Alertmanager writes, of every state but pending', async () => {
    const { url, bodies, close } = await receiver()
    const notifier = webhookNotifier({ url })
    expect(notifier.name).toBe(`webhook ${new URL(url).host}`)
    const sent = { ...alert, labels: { monitor: 'm' }, startsAt: 1_000_000, evidence: 'report-1' } as const
    await notifier.send({ ...sent, state: 'pending' })
    await notifier.send(sent)
    await notifier.send({ ...sent, state: 'resolved', endsAt: 2_000_000 })
    await close()
    const labels = { alertname: 'drift', severity: 'ticket', monitor: 'm' }
    const annotations = { summary: 's', evidence: 'report-1' }
    const firing = {
      version: '4',
      groupKey: 'f',
      truncatedAlerts: 0,
      status: 'firing',
      receiver: 'millrace',
      groupLabels: { alertname: 'drift' },
      commonLabels: labels,
      commonAnnotations: annotations,
      externalURL: '',
      alerts: [
        {
          status: 'firing',
          labels,
          annotations,
          fingerprint: 'f',
          generatorURL: '',
          startsAt: '1970-01-01T00:00:01Z',
          endsAt: '0001-01-01T00:00:00Z',
        },
      ],
    }
    expect(bodies.map(one => JSON.parse(one) as unknown)).toEqual([
      firing,
      {
        ...firing,
        status: 'resolved',
        alerts: [{ ...firing.alerts[0], status: 'resolved', endsAt: '1970-01-01T00:00:02Z' }],
      },
    ])
  })

  it('tells of an alert that met 429 once, when it is taken', async () => {
    const busy = await receiver([429, 200])
    await webhookNotifier({ url: busy.url }).send(alert)
    expect([busy.asked(), busy.bodies.length]).toEqual([2, 1])
    await busy.close()
  })

  it('speaks HTTP only', () => {
    expect(() => webhookNotifier({ url: 'file:///etc/passwd' })).toThrow(TypeError)
    expect(() => webhookNotifier({ url: 'https://example.org/' })).not.toThrow()
  })

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
