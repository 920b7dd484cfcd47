import { join, resolve } from 'node:path'
import { findRoot } from '../../../config/load.ts'
import { pushImage } from '../../../stages/image/index.ts'
import type { Command } from '../../command.ts'

export const command: Command = {
  summary: 'push the image to a registry',
  details: `Pushes what "millrace image build" wrote. What the registry has already is not sent again.
Credentials come from $DOCKER_CONFIG/config.json, as docker and podman write it.

  millrace image push registry.example.org/flights:1`,
  arguments: [{ name: 'reference', description: 'registry/name:tag', required: true }],
  options: [
    { flags: '--from <folder>', description: 'OCI layout folder (default: .millrace/image/oci)' },
    { flags: '--insecure', description: 'plain HTTP' },
  ],
  async run({ args, options, cwd, out }) {
    const folder =
      typeof options.from === 'string' ? resolve(cwd, options.from) : join(findRoot(cwd), '.millrace', 'image', 'oci')
    const result = await pushImage(folder, args[0] ?? '', {
      insecure: options.insecure === true,
      onBlob: ({ digest, size, skipped }) =>
        out.note(`${digest.slice(0, 19)} ${(size / 1e6).toFixed(1)} MB ${skipped ? 'is there already' : 'sent'}`),
    })
    out.line(`Pushed ${args[0]}, ${result.uploaded.length} blobs sent, ${result.skipped.length} there already.`)
    out.line(result.digest)
    out.data(result)
    return 0
  },
}
