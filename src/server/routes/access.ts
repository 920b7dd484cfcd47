import { z } from '@hono/zod-openapi'
import { sessionCookie } from '../auth/guard.ts'
import { sessionSeconds } from '../auth/sessions.ts'
import { createToken, listTokens, revokeToken, scopes } from '../auth/tokens.ts'
import { liveRoute, route } from '../route.ts'

const Token = z
  .object({
    id: z.string(),
    name: z.string(),
    scopes: z.array(z.string()),
    createdAt: z.number(),
    expiresAt: z.number().nullable(),
  })
  .openapi('Token')

function cookie({ url }: Request, value: string, seconds: number): string {
  const secure = url.startsWith('https:') ? '; Secure' : ''
  return `${sessionCookie}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}${secure}`
}

export const accessRoutes = [
  liveRoute({
    method: 'POST',
    path: '/v1/session',
    permission: 'public',
    tag: 'access',
    summary: 'Signs a browser in: opens a session of twelve hours, in a cookie that scripts cannot read',
    body: z.strictObject({ token: z.string().max(200) }),
    answer: z.object({ name: z.string(), scopes: z.array(z.string()) }),
    async handler({ body, request }, { guard }) {
      if (!guard.auth) return { name: 'local', scopes: ['admin'] }
      const { record, cookie: value } = await guard.signIn(body.token)
      const { name, scopes } = record
      return Response.json({ name, scopes }, { headers: { 'set-cookie': cookie(request, value, sessionSeconds) } })
    },
  }),
  liveRoute({
    method: 'GET',
    path: '/v1/session',
    permission: 'read',
    tag: 'access',
    summary: 'Who asks, and what they may do',
    answer: z.object({ name: z.string(), scopes: z.array(z.string()), auth: z.boolean() }),
    handler: ({ request }, { guard }) => guard.who(name => request.headers.get(name) ?? undefined),
  }),
  liveRoute({
    method: 'DELETE',
    path: '/v1/session',
    permission: 'read',
    tag: 'access',
    summary: 'Signs a browser out: its session opens nothing any more',
    answer: z.object({}),
    async handler({ request }, { guard }) {
      await guard.signOut(name => request.headers.get(name) ?? undefined)
      return Response.json({}, { headers: { 'set-cookie': cookie(request, '', 0) } })
    },
  }),
  route({
    method: 'GET',
    path: '/v1/tokens',
    permission: 'admin',
    tag: 'access',
    summary: 'Tokens, without their secrets',
    answer: z.object({ tokens: z.array(Token) }),
    async handler(_, { workspace }) {
      return { tokens: await listTokens(workspace) }
    },
  }),
  route({
    method: 'POST',
    path: '/v1/tokens',
    permission: 'admin',
    tag: 'access',
    summary: 'Makes a token; the answer is the only time that it is shown',
    body: z.strictObject({
      name: z.string().min(1).max(100),
      scopes: z.array(z.enum(scopes)).min(1),
      expiresIn: z.string().max(20).optional(),
    }),
    answer: z.object({ token: z.string(), record: Token }),
    async handler({ body: { expiresIn, ...rest } }, { workspace }) {
      return createToken(workspace, { ...rest, ...(expiresIn === undefined ? {} : { expiresIn }) })
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/tokens/{id}',
    permission: 'admin',
    tag: 'access',
    summary: 'Revokes a token',
    answer: z.object({}),
    async handler({ params: { id = '' } }, { workspace }) {
      await revokeToken(workspace, id)
      return {}
    },
  }),
]
