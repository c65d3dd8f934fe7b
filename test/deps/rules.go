package deps

import "slices"

// The layers of the lifecycle module, from the bottom up. A package of the module
// that no layer lists fails the test: decide which layer it belongs to.
var (
	foundation = under("./services/lifecycle", "", "/id")
	domain     = under("./services/lifecycle", "/admin", "/auth", "/backoff", "/condition", "/desired", "/drift", "/edge", "/event", "/failpoint", "/filter", "/hold",
		"/infra", "/machine", "/monitor", "/network", "/recent", "/saga", "/site", "/tunnel", "/worker")
	adapters = under("./services/lifecycle", "/infra/fake", "/infra/marked", "/infra/remote", "/plan", "/reconcile", "/store/...")
	app      = under("./services/lifecycle", "/app/...")
	api      = under("./services/lifecycle", "/api/...")
	wiring   = under("./services/lifecycle", "/service/...", "/simulate")
	programs = under("./services/lifecycle", "/cmd/...")
)

// heavy is what a user of the domain packages must not have to link.
var heavy = []string{
	"google.golang.org/grpc/...",
	"google.golang.org/protobuf/...",
	"github.com/jackc/pgx/...",
	"github.com/jackc/pgx/v5/...",
	"modernc.org/sqlite/...",
	"go.opentelemetry.io/otel/sdk/...",
	"./gen/...",
}

var shared = []string{"./gen/...", "./internal/platform/..."}

// Rules is the direction of every import in the tree.
var Rules = slices.Concat(modules, layers)

var modules = []Rule{
	{
		Of:      []string{"./gen/..."},
		May:     []string{"./gen/..."},
		InTests: true,
		Because: "generated code imports nothing of ours",
	},
	{
		Of:      []string{"./internal/platform/..."},
		May:     []string{"./internal/platform/..."},
		InTests: true,
		Because: "the platform knows no service, no program and no message of ours",
	},
	service("dnsvalidator"),
	service("edge-agent"),
	service("lifecycle"),
	service("tunnel"),
	{
		Of:      []string{"./simulators/..."},
		May:     append([]string{"./simulators/..."}, shared...),
		InTests: true,
		Because: "a simulator stands for somebody else's system and knows no service",
	},
	{
		Of: []string{"./cmd/...", "./bench/...", "./test/..."},
		May: append([]string{
			"./cmd/...", "./bench/...", "./test/...", "./simulators/...",
			"./services/dnsvalidator/app", "./services/edge-agent/app", "./services/tunnel/app",
			"./services/lifecycle/...",
		}, shared...),
		InTests: true,
		Because: "what sits on top uses the services' app packages, and lifecycle as the library it is",
	},
	{
		Of:      []string{"./examples/..."},
		May:     []string{"./examples/...", "./gen/..."},
		InTests: true,
		Because: "an example is what somebody outside would write, who has the generated packages only",
	},
}

var layers = []Rule{
	{
		Of:      foundation,
		May:     slices.Concat(foundation, []string{"./internal/platform/..."}),
		Never:   heavy,
		Because: "lifecycle's foundation knows no other package of its module, and nothing heavy",
	},
	{
		Of:      domain,
		May:     slices.Concat(domain, foundation, []string{"./internal/platform/..."}),
		Because: "domain packages know nothing of what is built on them",
	},
	{
		Of:      domain,
		Never:   heavy,
		Because: "domain packages know no wire, no driver, no telemetry SDK and no generated code",
	},
	{
		Of:      adapters,
		May:     slices.Concat(adapters, domain, foundation, shared),
		Because: "stores, reconcile and adapters sit on the domain packages and below app",
	},
	{
		Of:      app,
		May:     slices.Concat(app, adapters, domain, foundation, shared),
		Because: "app assembles what is below it and knows neither api nor programs",
	},
	{
		Of:      api,
		May:     slices.Concat(api, app, domain, foundation, shared),
		Because: "api translates for app and the domain packages; it knows no store, no adapter, no program",
	},
	{
		Of:      wiring,
		May:     slices.Concat(wiring, api, app, adapters, domain, foundation, shared),
		Because: "service wires one shape of lifecycle, with its store and adapters; it knows no program",
	},
	{
		Of:      programs,
		May:     slices.Concat(programs, wiring, api, app, domain, foundation, shared),
		Because: "a program starts service; which store and adapters there are is service's business",
	},
}

// service is the rule that services meet only through gen.
func service(name string) Rule {
	own := "./services/" + name + "/..."
	return Rule{
		Of:      []string{own},
		May:     append([]string{own}, shared...),
		InTests: true,
		Because: "a service imports neither another service nor the root module; they meet through gen",
	}
}

func under(base string, paths ...string) []string {
	var out []string
	for _, p := range paths {
		out = append(out, base+p)
	}
	return out
}
