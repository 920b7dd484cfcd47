import type { Command } from '../../command.ts'
import { rolloutCommand } from '../../serve/rollout.ts'

export const command: Command = rolloutCommand('promote', 'give the challenger all traffic now')
