import { of, type Test } from './seen.ts'

// Every flag of every command, and the test in which what it changes is seen: with it, and without it. Complete by
// comparison with the command table (flags.test.ts).

const imported = of('test/import-model.test.ts')
const data = of('test/data-commands.test.ts')
const served = of('test/served.test.ts')
const contests = served('several versions are compared until one is taken by hand, or none, by the command line')
const delivered = of('test/feature-delivery.test.ts')
const exported = delivered('has the values that training has, of a model, from CSV and from Parquet into either')
const changes = of('test/feature-changes.test.ts')
const proposedChange = changes(
  'what CI runs for a pull request says what the change means, against its base, and proves it',
)
const promoted = changes('environments keep what they serve apart, and one is promoted to the next as it is')
const keys = of('test/keys-and-tokens.test.ts')
const written = of('test/written-files.test.ts')
const quarantine = of('test/quarantine.test.ts')
const ingest = of('test/ingest.test.ts')
const compare = of('test/compare.test.ts')
const edge = of('test/edge.test.ts')
const profile = of('test/profile.test.ts')
const scaler = of('test/scaler.test.ts')
const modelSuite = of('test/model-suite.test.ts')
const explained = modelSuite('shows what matters, and held-out rows or those of a file')
const trainFinds = modelSuite('train writes what was found, whether a gate said no or not')
const modelReports = modelSuite('every reporter says what was found')
const scalerReports = scaler('is proven on request, and every reporter says so')
const files = data('is written into every file that is named')
const told = data('is told by the reporter that was asked for, and passes with --verbose')
const grants = keys('a grant is given by who may, with the actions that are named, and taken back')
const tokens = keys('a token has the scopes and the life that were asked for, and ends')
const rendered = written('has the image, the replicas and the access mode that it is told')
const brought = written('%s goes to a file once, replaces it by force, and is strict about what is left out')
const ciText = written('has its branch, schedule and version of Node.js')
const ciFile = written('is printed, written once, left alone when it was changed, and replaced by force')
const ciScan = written('leaves code scanning out where it is not wanted')
const laid = of('test/image.test.ts')(
  'an image is written where it is told, as one file too, and is pushed in the clear where that is allowed',
)
const dialect = data('reads files as it is told: format, delimiter, encoding')

const each = (verbs: readonly string[], flags: Readonly<Record<string, Test>>): Record<string, Test> =>
  Object.fromEntries(verbs.flatMap(verb => Object.entries(flags).map(([flag, test]) => [`${verb} ${flag}`, test])))

export const flagsSeen: Readonly<Record<string, Test>> = {
  'audit verify --anchors': of('test/faults/audit-places.test.ts')(
    'a place that is named later gets its anchor from the next process that uses keys',
  ),
  'doctor --deep': of('test/faults/damage.test.ts')(
    'are found by doctor --deep, each by its digest, and not by a look at the rest',
  ),
  'up --port': of('test/faults/processes.test.ts')('a second server says where the first is; commands work beside it'),
  'up --host': of('test/faults/state-folder.test.ts')(
    'beyond this machine without tokens is refused before anything is opened',
  ),
  'up --grpc-port': of('test/running/grpc.test.ts')(
    'gRPC is spoken where the project or --grpc-port says so, and ends with the rest',
  ),
  'up --tls-cert': of('test/running/tls.test.ts')('speaks TLS, and nothing else on that port'),
  'up --tls-key': of('test/running/tls.test.ts')(
    'refuses what is no certificate and key, half of them, and gRPC in the clear beside it',
  ),
  'up --workers': of('test/running/processes.test.ts')(
    'workers answer on the same port: what they are told counts as if one process had been told, also of one that dies',
  ),
  'up --advertise': of('test/peers/instances.test.ts')('is asked by the others where it says that it can be reached'),
  'up --auth': of('test/running/sign-in.test.ts')(
    'up --auth writes no token anywhere, and its commands and people get in all the same',
  ),
  'score --out': of('test/score.test.ts')(
    'gives what the server answers, to the last bit, of CSV and of Parquet, with several classes',
  ),
  'score --keep': of('test/score.test.ts')(
    'a model with features sees of each row what was known at its moment, as the server does',
  ),
  'score --at': of('test/score.test.ts')(
    'a model with features sees of each row what was known at its moment, as the server does',
  ),
  'validate --reporter': told,
  'validate --verbose': told,
  'validate --junit': files,
  'validate --sarif': files,
  'validate --html': files,
  'validate --markdown': files,
  'validate --code-quality': files,
  'validate --explain': data('keeps the failing rows, and none with --no-rows; explains what it did where it is asked'),
  'validate --no-rows': data('keeps the failing rows, and none with --no-rows; explains what it did where it is asked'),
  'validate --strict': data('a warning lets the whole pass, and fails it with --strict, whatever the others say'),
  'validate --compare': compare('data that got worse, within what is allowed and beyond'),
  'validate --only': compare('only what can have changed is looked at'),
  'validate --watch': ingest(
    'a folder is watched: what arrives is taken in, once for each content, also by a second process',
  ),
  'validate --once': ingest(
    'a folder is watched: what arrives is taken in, once for each content, also by a second process',
  ),
  'validate --settle': data('from a folder waits until they are as old as it is told'),
  'check-test --out': data('a test of expectations goes where it is told, and replaces nothing without --force'),
  'check-test --force': data('a test of expectations goes where it is told, and replaces nothing without --force'),
  'data ingest --name': data('takes files where the dataset is a folder of them, under the name that is given'),
  'data ingest --anew': ingest('a file joins its dataset once it holds, by itself and with what is there'),
  'data quarantine --out': quarantine('bad rows are set aside, mended, and let in again where they stood'),
  'data quarantine --repaired': quarantine(
    'a repair is corrected after a snapshot took it; what that snapshot holds stays',
  ),
  'profile --format': dialect,
  'profile --delimiter': dialect,
  'profile --encoding': dialect,
  'profile --html': profile('files are profiled outside of any project'),
  'suggest --write': profile(
    'suggestions are a patch that git applies; written, they compile and hold on the same data',
  ),
  'features apply --plan': served('are applied as they were planned, or not at all'),
  'features plan --from': promoted,
  'features plan --compare': proposedChange,
  'features plan --markdown': proposedChange,
  'features plan --format': changes(
    'what was applied is answered by the server that runs; a version that is served goes on with its own',
  ),
  'features rollback --to': changes(
    'goes back as a whole, to the change before or to one that is named, and forth again',
  ),
  'features promote --plan': promoted,
  'features materialise --until': served('are written as known at a moment, and proven by as many samples as asked'),
  'features verify --reads': of('test/feature-reads.test.ts')(
    'is refused where nothing is kept, and compares what was answered where it is',
  ),
  'features verify --sample': served('are written as known at a moment, and proven by as many samples as asked'),
  'features get --at': delivered('is told by the command line as over HTTP, of one entity or several, now and then'),
  'features export --labels': exported,
  'features export --time': exported,
  'features export --out': exported,
  'train --trigger': served('a training says why it began, and only what can be a reason'),
  'train --because': served('a training says why it began, and only what can be a reason'),
  'models import --model': imported(
    'is a version like any other: its lineage, its golden rows those that were given, served and rebuilt',
  ),
  'models import --expected': imported(
    'is a version like any other: its lineage, its golden rows those that were given, served and rebuilt',
  ),
  'models import --inputs': imported('is fed as a file says, and held to JSON lines'),
  'models import --output': imported('refuses %s, and registers nothing'),
  'models test --reporter': modelReports,
  'models test --verbose': modelReports,
  'models test --junit': modelReports,
  'models test --sarif': modelReports,
  'models test --html': modelReports,
  'models test --markdown': modelReports,
  'models test --code-quality': modelReports,
  'models explain --rows': explained,
  'models explain --held-out': explained,
  'models test --seed': modelSuite('draws other cases in every run, tells the seed, and the same by it'),
  'models test --tests': modelSuite('keeps what broke a property, lists it, and tries it first from then on'),
  'scaler check --reporter': scalerReports,
  'scaler check --verbose': scalerReports,
  'scaler check --junit': scalerReports,
  'scaler check --sarif': scalerReports,
  'scaler check --html': scalerReports,
  'scaler check --markdown': scalerReports,
  'scaler check --code-quality': scalerReports,
  'scaler check --against': scalerReports,
  'rollout status --watch': of('test/running/rollouts.test.ts')(
    'is watched to its end from the command line, each change a line, with what the server alone knows',
  ),
  'deploy --version': served('the first version is stable at once, and every command of a rollout has its decision'),
  'rollout contest --versions': contests,
  'rollout choose --version': contests,
  'rollout choose --reason': contests,
  ...each(['rollout promote', 'rollout approve', 'rollout abort', 'rollout pause', 'rollout resume'], {
    '--reason': served('the first version is stable at once, and every command of a rollout has its decision'),
  }),
  'decisions --kind': served('decisions are told by kind and number, and a kind that is none is refused'),
  'decisions --limit': served('decisions are told by kind and number, and a kind that is none is refused'),
  'import sklearn-scaler --out': written(
    'sklearn-scaler writes its figures where it is told, and takes nothing that is no scaler',
  ),
  ...each(['import great-expectations', 'import soda', 'import pandera', 'import dbt'], {
    '--out': brought,
    '--force': brought,
    '--dataset': brought,
    '--source': brought,
    '--strict': brought,
  }),
  'demo --rows': of('test/demo.test.ts')('the demo plays the story that the guide tells'),
  'image build --out': laid,
  'models export --target': edge('scores in Node.js as the server does, and says what it cannot score'),
  'models export --out': edge('scores in Node.js as the server does, and says what it cannot score'),
  'image build --archive': laid,
  'image build --insecure': laid,
  'image push --insecure': laid,
  'image build --base': written('is named, laid and archived as it is told, and refused where it cannot be'),
  'image build --node': written('is named, laid and archived as it is told, and refused where it cannot be'),
  'image build --tag': written('is named, laid and archived as it is told, and refused where it cannot be'),
  'image push --from': written('is named, laid and archived as it is told, and refused where it cannot be'),
  'k8s render --image': rendered,
  'k8s render --replicas': rendered,
  'k8s render --access-mode': rendered,
  'k8s render --max-replicas': rendered,
  'k8s render --scale-metric': rendered,
  'k8s render --tls-secret': rendered,
  'k8s render --out': written('writes where it is told, and nothing with --print'),
  'k8s render --print': written('writes where it is told, and nothing with --print'),
  ...each(['ci azure', 'ci github', 'ci gitlab'], { '--branch': ciText }),
  ...each(['ci azure', 'ci github', 'ci gitlab', 'ci jenkins'], {
    '--schedule': ciText,
    '--node': ciText,
    '--print': ciFile,
    '--force': ciFile,
  }),
  ...each(['ci github', 'ci jenkins'], { '--no-sarif': ciScan }),
  ...each(['ci azure', 'ci github', 'ci gitlab', 'ci jenkins'], {
    '--no-tests': written('trains and tests its model, and leaves that out where it is not wanted'),
  }),
  ...each(['train'], {
    '--junit': trainFinds,
    '--sarif': trainFinds,
    '--html': trainFinds,
    '--markdown': trainFinds,
    '--code-quality': trainFinds,
  }),
  'keys create --as': keys('a key is made once, by a name that is one, for whoever makes it'),
  'keys grant --actions': grants,
  'keys grant --as': grants,
  'keys revoke --as': grants,
  'keys rotate --as': grants,
  'audit accept --reason': of('test/audit.test.ts')(
    'what is not lost is not accepted, nor without a reason, nor an older keystore',
  ),
  'audit accept --as': of('test/audit.test.ts')(
    'lost: %s. It is accepted with a reason, told from then on, and proves what comes after',
  ),
  'keys accept --as': keys('a keystore that is not the newest is refused until a person takes it, by name'),
  'token create --scope': tokens,
  'token create --expires-in': tokens,
}

/** Flags whose change no test of the ordinary run has seen yet. Only ever shorter. */
export const unseenFlags: readonly string[] = []
