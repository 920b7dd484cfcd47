import { z } from '@hono/zod-openapi'
import { sendText, type DataRoute } from './exchange.ts'

export const metricsRoute: DataRoute = {
  method: 'GET',
  path: '/metrics',
  permission: 'read',
  tag: 'health',
  summary: 'Figures for Prometheus',
  answerType: 'text/plain',
  answer: z.string(),
  whole: true,
  async answerTo({ response, services }) {
    const { text, type } = await services.metrics.page()
    sendText(response, 200, text, type)
  },
}
