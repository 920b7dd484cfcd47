/** A Dockerfile for those who build with a daemon: the same folders, user and entry point, from an image with Node.js. */
export function dockerfile(node: string, hasLock: boolean): string {
  return `# syntax=docker/dockerfile:1
# Written by "millrace image build". Name the base by its digest to make the result repeatable:
#   docker build --build-arg BASE=docker.io/library/node:${node}-bookworm-slim@sha256:… .
ARG BASE=docker.io/library/node:${node}-bookworm-slim

FROM \${BASE} AS dependencies
WORKDIR /app
${
  hasLock
    ? 'COPY package.json package-lock.json ./\nRUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --ignore-scripts'
    : 'RUN --mount=type=cache,target=/root/.npm npm install --omit=dev --ignore-scripts millrace'
}

FROM \${BASE}
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY . .
RUN mkdir -p .millrace && chmod 1777 .millrace
USER 65532:65532
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "/app/node_modules/millrace/dist/cli/bin.js"]
CMD ["--help"]
`
}

/** What must not get into a build: secrets, data, what is installed anew. */
export function dockerignore(without: readonly string[]): string {
  const names = ['.git', '.millrace', 'node_modules', '**/.env', '**/.env.*', '**/.npmrc', '**/*.pem', '**/*.key']
  return `${[...new Set([...names, ...without])].join('\n')}\n`
}
