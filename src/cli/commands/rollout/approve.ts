import type { Command } from '../../command.ts'
import { rolloutCommand } from '../../serve/rollout.ts'

export const command: Command = rolloutCommand('approve', 'let a rollout go on that waits for a person')
