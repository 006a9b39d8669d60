package rules

import (
	"slices"
	"strings"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

var staRules = []Rule{
	{
		ID: "STA001", Group: STA, Title: "Pod readiness includes native sidecars", Severity: Error, Invariant: true,
		What:     "Runs the Pod with the readiness probe of a sidecar failing, and with all probes passing. It fails if the Pod is Ready in the first case or not in the second.",
		Why:      "A Pod whose proxy is not ready must get no traffic.",
		Remedy:   "report it to whoever makes the kubelet; no manifest repairs it",
		Evidence: []string{"kubernetes/kubernetes#122902", "KEP-753"},
		simulate: sta001,
	},
	{
		ID: "STA002", Group: STA, Title: "Readiness is not mutually blocked", Severity: Warning,
		What: "Looks for two containers whose readiness probes go to each other's ports: a warning. It fails if the Pod is never Ready in a run although all its processes run and the " +
			"answers of the probes are described.",
		Why:      "A sidecar that is ready when the main is, beside a main that is ready when the sidecar is: neither ever is.",
		Remedy:   "let each readinessProbe look at its own container",
		Evidence: []string{"knative/serving#14023", "kubernetes/enhancements#3761"},
		static:   sta002, simulate: sta002Run,
	},
	{
		ID: "STA003", Group: STA, Title: "Tools pick the right container by default", Severity: Note,
		What: "Looks at the annotation kubectl.kubernetes.io/default-container. It warns if it names a helper, or is missing while there are several entries of containers and the first " +
			"is a helper or nobody can tell which one is meant.",
		Why:      "kubectl logs and exec take the first entry of containers if nothing else is said.",
		Remedy:   "write the annotation kubectl.kubernetes.io/default-container with the name of the main",
		Evidence: []string{"linkerd/linkerd2#7122", "linkerd/linkerd2#7497", "istio/istio#26764"},
		static:   sta003,
	},
	{
		ID: "STA004", Group: STA, Title: "A status consumer reads sidecar states correctly", Severity: Error, NotPods: true,
		What: "Gives a program twelve Pods with their status, on its standard input, and reads one word from it for each: initializing, running, ready, succeeded, failed or terminating. Each " +
			"wrong word is a failure.",
		Why:      "Dashboards and controllers that look at containerStatuses alone take a Pod for broken whose sidecar is just an init container that goes on.",
		Remedy:   "look at the phase and the conditions, and read the statuses of sidecars in initContainerStatuses",
		Evidence: []string{"derailed/k9s#2520", "argoproj/argo-cd#21047", "tektoncd/pipeline#8987", "openshift/console#17171", "lyft/clutch#3169", "replicatedhq/troubleshoot#1914"},
		static:   sta004,
	},
	{
		ID: "STA005", Group: STA, Title: "Queries and alerts look at the init metrics", Severity: Warning, OnlyWarns: true,
		What: "Looks at the selectors of rules, alerts and dashboards (--queries, or queries in the configuration). One on a metric kube_pod_container_… that names a sidecar of the Pod is a " +
			"warning, unless the same query looks at kube_pod_init_container_… too.",
		Why:      "kube-state-metrics lists a sidecar where it is in the Pod: among the init containers. The alert on its restarts never fires again, once it is a sidecar.",
		Remedy:   "look at the metric kube_pod_init_container_… of the same name as well",
		Evidence: []string{"kubernetes/kube-state-metrics#2436", "kubernetes/kube-state-metrics#2627", "grafana/k8s-monitoring-helm#2062"},
		static:   sta005,
	},
	{
		ID: "STA006", Group: STA, Title: "\"Running\" with no running main is noticed", Severity: Warning,
		What: "Measures how long all mains are down while the Pod's phase is Running. Above 5 minutes it fails under restartPolicy Always, and warns where a controller is declared to look at " +
			"the phase alone.",
		Why:      "A sidecar that runs keeps the phase at Running. Whoever looks at the phase sees nothing wrong.",
		Remedy:   "watch the Pod's readiness, or the states of its mains",
		Evidence: []string{"cloudnative-pg/cloudnative-pg#11272", "apache/airflow#67934", "hashicorp/vault-helm#527"},
		simulate: sta006,
	},
}

// ready reports whether the last version of a run's status has the condition Ready.
func ready(r *run) bool {
	s := r.final()
	if s == nil {
		return false
	}
	for i := range s.Conditions {
		if s.Conditions[i].Type == trace.PodReady {
			return s.Conditions[i].True
		}
	}
	return false
}

func sta001(c *checking) {
	at, ok := c.steady()
	if !ok {
		return
	}
	watch := func(s *sim.Scenario) {
		undisturbed(s)
		s.Horizon = time.Duration(at) + c.slowest() + 30*time.Second
		c.staysUp(s)
	}
	all := c.variant("all ready", func(s *sim.Scenario) {
		watch(s)
		for i := range c.parts {
			if c.parts[i].Readiness != nil {
				everyRun(c.parts[i].container(s), func(p *sim.Process) { p.Readiness = nil })
			}
		}
	})
	if !ready(all) {
		c.fail(c.sidecars()[0].at(""), "all containers are ready, and the Pod is not").proof(all, int32(len(all.Events)-1))
	}
	probed := 0
	for _, s := range c.sidecars() {
		if s.Readiness == nil {
			continue
		}
		probed++
		r := c.variant("sidecar "+s.Name+" not ready", func(scenario *sim.Scenario) {
			watch(scenario)
			everyRun(s.container(scenario), func(p *sim.Process) { p.Readiness = []sim.Answer{{Result: sim.AnswerFailure}} })
		})
		if ready(r) {
			c.fail(s.at("readinessProbe"), "the readinessProbe of %s fails, and the Pod is Ready", s.Name).proof(r, r.first(s.position, trace.ReadinessFailed))
		}
	}
	c.pass("the Pod is Ready when all containers are; %d sidecars have a readinessProbe", probed)
}

// slowest is the longest time that any readiness probe takes to count.
func (e *exam) slowest() time.Duration {
	var longest time.Duration
	for i := range e.parts {
		if p := e.parts[i].Readiness; p != nil {
			longest = max(longest, time.Duration(p.InitialDelaySeconds+p.PeriodSeconds*(p.SuccessThreshold+1))*time.Second)
		}
	}
	return longest
}

func sta002(c *checking) {
	looked := false
	for i := range c.parts {
		a := &c.parts[i]
		if a.Readiness == nil || a.ProbeTo.Readiness == 0 {
			continue
		}
		looked = true
		b := c.listener(a.ProbeTo.Readiness, a)
		if b == nil || b.position < a.position || b.Readiness == nil || b.ProbeTo.Readiness == 0 {
			continue
		}
		if c.listener(b.ProbeTo.Readiness, b) == a {
			c.warn(a.at("readinessProbe"), "%s is ready when %s answers, and %s when %s does", a.Name, b.Name, b.Name, a.Name).
				because("The readinessProbe of %s goes to port %d of %s, that of %s to port %d of %s.", a.Name, a.ProbeTo.Readiness, b.Name, b.Name, b.ProbeTo.Readiness, a.Name)
		}
	}
	if !looked {
		c.skip("no readinessProbe goes to a port of another container")
		return
	}
	c.pass("no two readiness probes wait for each other")
}

func sta002Run(c *checking) {
	known := c.has(func(p *part) bool { return p.Known.Readiness })
	if !known {
		c.skip("nothing says what the readiness probes find")
		return
	}
	if !c.needCapable() || !c.needRun() {
		return
	}
	r := c.alone()
	for i := range r.Statuses {
		for _, condition := range r.Statuses[i].Conditions {
			if condition.Type == trace.PodReady && condition.True {
				c.pass("the Pod becomes Ready")
				return
			}
		}
	}
	for i := range c.parts {
		if p := &c.parts[i]; !p.plain() && !r.up(i, int32(len(r.Events)-1)) {
			c.skip("%s does not run at the end, so readiness is not the question", p.Name)
			return
		}
	}
	c.fail(Pointer{Path: "spec.containers"}, "all processes run, and the Pod is never Ready in %s", length(r.EndedAt.Sub(0))).proof(r, int32(len(r.Events)-1))
}

func sta003(c *checking) {
	mains := c.those(func(p *part) bool { return !p.init })
	if !c.subject.DefaultContainerSet {
		switch {
		case len(mains) < 2:
			c.skip("there is one entry of containers")
		case mains[0].classic():
			c.warn(mains[0].at(""), "kubectl logs and exec take %s, a helper: nothing says which container is meant", mains[0].Name)
		default:
			c.warn(Pointer{Path: "metadata.annotations"}, "nothing says which of %d containers kubectl logs and exec take; it is %s", len(mains), mains[0].Name)
		}
		return
	}
	at := Pointer{Path: "metadata.annotations[kubectl.kubernetes.io/default-container]"}
	switch named := c.part(c.subject.DefaultContainer); {
	case named == nil:
		c.warn(at, "kubectl.kubernetes.io/default-container names %s, which the Pod does not have", c.subject.DefaultContainer)
	case named.sidecar() || named.classic():
		c.warn(at, "kubectl.kubernetes.io/default-container names %s, a helper", named.Name)
	default:
		c.pass("kubectl takes %s", named.Name)
	}
}

func sta004(c *checking) {
	c.skip("no program that reads statuses was named; see check --status-consumer")
}

// StatusFixture is a Pod with a status, and what a consumer should make of it.
type StatusFixture struct {
	// Key is that of the catalogue: S1. Want is one of StatusClasses.
	Key, Want string
	// Pod is the object as JSON.
	Pod []byte
	// Got is what the consumer under test made of it; Problem says why it made nothing of it.
	Got, Problem string
}

// StatusClasses are the words that a consumer may answer with.
func StatusClasses() []string {
	return []string{"initializing", "running", "ready", "succeeded", "failed", "terminating"}
}

// JudgeConsumer decides STA004 for a consumer by its answers.
func JudgeConsumer(answers []StatusFixture) Outcome {
	c := apart("STA004")
	right := 0
	for i := range answers {
		switch a := &answers[i]; {
		case a.Problem != "":
			c.fail(Pointer{}, "%s: the program gives no answer: %s", a.Key, a.Problem)
		case a.Got != a.Want:
			c.fail(Pointer{}, "%s: the program says %q, want %s", a.Key, a.Got, a.Want)
		default:
			right++
		}
	}
	c.pass("%d of %d Pods are read right", right, len(answers))
	return c.outcome()
}

// ContainerMetrics begins the names of the metrics of kube-state-metrics about entries of containers, initMetrics those about
// initContainers. kube-state-metrics, docs/metrics/workload/pod-metrics.md.
const (
	ContainerMetrics = "kube_pod_container_"
	initMetrics      = "kube_pod_init_container_"
)

// Query is an expression over metrics, with where it is written.
type Query struct {
	At        Pointer
	Selectors []MetricSelector
}

// MetricSelector is what a query selects: of which metric, of which containers.
type MetricSelector struct {
	// Metric is the name, or a pattern of names.
	Metric string
	// Container and Namespace report whether it asks for a value of the label; nil where it does not ask for any.
	Container, Namespace func(value string) bool
}

// nobody is no container's name, so that a selector which takes it names none.
const nobody = "/"

// names reports whether the selector asks for a container of a namespace by its name.
func (s *MetricSelector) names(namespace, container string) bool {
	return s.Container != nil && s.Container(container) && !s.Container(nobody) && (s.Namespace == nil || s.Namespace(namespace))
}

func sta005(c *checking) {
	if !c.needSidecars() {
		return
	}
	if len(c.policy.Queries) == 0 {
		c.skip("no queries are given; see check --queries")
		return
	}
	for i := range c.policy.Queries {
		q := &c.policy.Queries[i]
		for _, s := range c.sidecars() {
			asks := func(metrics string) int {
				return slices.IndexFunc(q.Selectors, func(m MetricSelector) bool {
					return strings.HasPrefix(m.Metric, metrics) && m.names(c.subject.Namespace, s.Name)
				})
			}
			if at := asks(ContainerMetrics); at >= 0 && asks(initMetrics) < 0 {
				c.warn(q.At, "the query selects %s of %s, a sidecar: it finds nothing", q.Selectors[at].Metric, s.Name).
					because("The series of %s of %s are under %s….", s.Name, c.subject.Name, initMetrics)
			}
		}
	}
	c.pass("none of %d queries looks for a sidecar among the mains", len(c.policy.Queries))
}

func sta006(c *checking) {
	if !c.needSidecars() {
		return
	}
	if !c.has(func(p *part) bool { return !p.init && p.Known.Life }) {
		c.skip("nothing says that a main goes down")
		return
	}
	if !c.needCapable() || !c.needRun() {
		return
	}
	r := c.life()
	longest, at := c.outage(r)
	where := c.mains()
	if len(where) == 0 || longest <= c.policy.Outage {
		c.pass("all mains are down for %s at most while the phase is Running", length(longest))
		return
	}
	report := c.fail
	if c.subject.Scenario.Pod.RestartPolicy != sim.RestartAlways {
		if !c.policy.PhaseOnly {
			c.pass("the mains are not meant to come back; nobody watches the phase alone")
			return
		}
		report = c.warn
	}
	report(where[0].at(""), "all mains are down for %s, and the phase is Running", length(longest)).proof(r, at)
}

// outage returns the longest time that no main ran while the phase was Running, after one had run, and the event with which it began.
func (c *checking) outage(r *run) (time.Duration, int32) {
	longest, at := time.Duration(0), int32(-1)
	up, began, gone := 0, false, int32(-1)
	count := func(until trace.Instant) {
		if gone < 0 {
			return
		}
		if d := c.running(r, r.at(gone), until); d > longest {
			longest, at = d, gone
		}
	}
	for i := range r.Events {
		e := &r.Events[i]
		if int(e.Container) < c.inits {
			continue
		}
		switch e.Kind {
		case trace.Running:
			count(e.At)
			up, began, gone = up+1, true, -1
		case trace.Exited:
			if up--; up == 0 && began {
				gone = int32(i)
			}
		}
	}
	count(r.EndedAt)
	return longest, at
}

// running is how much of a span the API showed the phase Running.
func (c *checking) running(r *run, from, to trace.Instant) time.Duration {
	var sum time.Duration
	for i := range r.Statuses {
		until := r.EndedAt
		if i+1 < len(r.Statuses) {
			until = r.Statuses[i+1].At
		}
		if begin, end := max(from, r.Statuses[i].At), min(to, until); r.Statuses[i].Phase == trace.PhaseRunning && end > begin {
			sum += end.Sub(begin)
		}
	}
	return sum
}
