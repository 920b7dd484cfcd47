// Runs a declarative Jenkinsfile as the Groovy program that it is, against the grammar of declarative pipelines as Jenkins
// documents it: which directive may stand in which, and what each needs. Prints the commands of its steps in Base64; anything
// else that is called, and whatever Groovy itself refuses, is an error.
import org.codehaus.groovy.control.CompilerConfiguration

class Block {
  static final Map<String, Map> grammar = [
    file    : [may: ['pipeline'], needs: ['pipeline']],
    pipeline: [may: ['agent', 'options', 'triggers', 'stages', 'environment', 'parameters', 'tools', 'post'], needs: ['agent', 'stages']],
    options : [calls: ['disableConcurrentBuilds', 'timeout', 'timestamps', 'buildDiscarder', 'skipDefaultCheckout']],
    triggers: [calls: ['cron', 'pollSCM', 'upstream']],
    stages  : [may: ['stage'], needs: ['stage'], repeated: ['stage']],
    stage   : [may: ['agent', 'when', 'steps', 'post', 'environment', 'options', 'stages'], needs: ['steps']],
    when    : [may: ['anyOf', 'allOf', 'not'], calls: ['branch', 'changeset', 'triggeredBy', 'tag', 'changeRequest'], code: ['expression'], repeated: ['expression']],
    anyOf   : [may: ['anyOf', 'allOf', 'not'], calls: ['branch', 'changeset', 'triggeredBy', 'tag', 'changeRequest'], code: ['expression'], repeated: ['expression']],
    steps   : [may: ['dir', 'catchError'], calls: ['sh', 'junit', 'archiveArtifacts', 'echo'], repeated: ['dir', 'catchError']],
    dir     : [may: ['dir', 'catchError'], calls: ['sh', 'junit', 'archiveArtifacts', 'echo'], repeated: ['dir', 'catchError']],
    catchError: [may: ['dir'], calls: ['sh', 'echo'], repeated: ['dir']],
    post    : [may: ['always', 'success', 'failure', 'unstable', 'cleanup']],
    always  : [may: ['dir'], calls: ['sh', 'junit', 'archiveArtifacts', 'recordIssues', 'sarif', 'echo'], repeated: ['dir']],
  ]
  final String name
  final List<String> commands
  final Set<String> seen = []
  def any = 'any'
  def none = 'none'

  Block(String name, List<String> commands) {
    this.name = name
    this.commands = commands
  }

  def methodMissing(String called, Object given) {
    def args = given as List
    def rules = grammar[name]
    def block = args && args[-1] instanceof Closure ? args[-1] : null
    if (called == 'agent' && 'agent' in rules.may && args == ['any']) { seen << called; return }
    if (block != null && called in (rules.code ?: [])) return
    if (block != null && called in (rules.may ?: [])) {
      if (called in seen && !(called in (rules.repeated ?: []))) throw new IllegalStateException("'$called' stands twice in '$name'")
      seen << called
      if (called in ['stage', 'dir'] && !(args.size() == 2 && args[0] instanceof String)) throw new IllegalStateException("'$called' needs a name")
      inside(called, block, commands)
      return
    }
    if (block == null && called in (rules.calls ?: [])) {
      if (called == 'sh') commands << (args[0] as String)
      return
    }
    throw new IllegalStateException("'$called' may not stand in '$name'")
  }

  static void inside(String name, Closure block, List<String> commands) {
    def inner = new Block(name, commands)
    block.delegate = inner
    block.resolveStrategy = Closure.DELEGATE_ONLY
    block.call()
    def missing = (grammar[name].needs ?: []) - inner.seen
    if (missing) throw new IllegalStateException("'$name' lacks ${missing.join(', ')}")
  }
}

abstract class PipelineScript extends Script {
  List<String> commands = []
  void pipeline(Closure block) { Block.inside('pipeline', block, commands) }
}

def settings = new CompilerConfiguration(scriptBaseClass: 'PipelineScript')
def script = new GroovyShell(this.class.classLoader, new Binding(), settings).parse(new File(args[0]))
script.run()
script.commands.each { println it.bytes.encodeBase64().toString() }
