package clusters

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/kubernetes"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// kubeletPatience bounds the question to one kubelet: a node that is down would hold up everything.
const kubeletPatience = 10 * time.Second

// kubeletsAtOnce is how many kubelets are asked at the same time.
const kubeletsAtOnce = 8

// Look asks a cluster for its versions and gates. It is an error only if the API server cannot be reached or its version
// cannot be read; what was refused or did not answer is unknown in the facts, with the reason.
//
// One API server of several answers, and kubelets of nodes that are down do not. The gates of the scheduler and of the
// controllers cannot be asked for through the API server: they are taken to be those of the API server.
func Look(ctx context.Context, client kubernetes.Interface) (*Facts, error) {
	l := &looker{client: client, facts: &Facts{APIVersion: FactsAPIVersion, Kind: FactsKind}, patience: kubeletPatience}
	if err := l.server(ctx); err != nil {
		return nil, err
	}
	if err := l.nodes(ctx); err != nil {
		return nil, err
	}
	return l.facts, nil
}

type looker struct {
	client kubernetes.Interface
	facts  *Facts
	lock   sync.Mutex // of facts.Missing
	// patience is that with one kubelet.
	patience time.Duration
}

func (l *looker) get(ctx context.Context, path string) (io.ReadCloser, error) {
	return l.client.Discovery().RESTClient().Get().AbsPath(path).Stream(ctx)
}

// server fills in the API server.
func (l *looker) server(ctx context.Context) error {
	c := &l.facts.API
	c.Name = "API server"
	body, err := l.get(ctx, "/version")
	if err != nil {
		if l.refused(err, Permission{Verb: "get", NonResourceURL: "/version"}) == "" {
			return fmt.Errorf("asking the API server for its version: %w", err)
		}
	} else {
		defer body.Close()
		var info version.Info
		if err := json.NewDecoder(body).Decode(&info); err != nil {
			return fmt.Errorf("reading /version of the API server: %w", err)
		}
		if c.parsed, err = gates.ParseVersion(info.GitVersion); err != nil {
			return fmt.Errorf("reading /version of the API server: %w", err)
		}
		c.Version = info.GitVersion
		// Servers that know nothing of emulation leave both empty.
		emulated := info.EmulationMajor + "." + info.EmulationMinor
		if emulated != "." && c.parsed.HasRelease() && emulated != c.parsed.Release.Line() {
			c.Emulates = emulated
		}
	}
	series, err := l.series(ctx, "/metrics")
	if err != nil {
		c.Refusal = l.reason(err, Permission{Verb: "get", NonResourceURL: "/metrics"})
	}
	c.fill(series)
	return ctx.Err()
}

// nodes fills in the nodes, or what follows for them where they may not be listed.
func (l *looker) nodes(ctx context.Context) error {
	list, err := l.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		why := l.refused(err, Permission{Verb: "list", Resource: "nodes"})
		if why == "" {
			return fmt.Errorf("listing nodes: %w", err)
		}
		l.facts.Kubelets = &Component{Name: "all nodes", Refusal: why}
		l.facts.Kubelets.bySkew(&l.facts.API)
		return nil
	}
	slices.SortFunc(list.Items, func(a, b corev1.Node) int { return strings.Compare(a.Name, b.Name) })
	l.facts.Nodes = make([]Node, len(list.Items))
	var all sync.WaitGroup
	places := make(chan struct{}, kubeletsAtOnce)
	for i := range list.Items {
		if i == 0 {
			// What one kubelet may not be asked, no other may: the first answer decides whether the others are asked.
			l.node(ctx, &list.Items[0], &l.facts.Nodes[0])
			continue
		}
		places <- struct{}{}
		all.Go(func() {
			l.node(ctx, &list.Items[i], &l.facts.Nodes[i])
			<-places
		})
	}
	all.Wait()
	return ctx.Err()
}

func (l *looker) node(ctx context.Context, from *corev1.Node, n *Node) {
	info := from.Status.NodeInfo
	*n = Node{
		Component: Component{Name: "node " + from.Name, Version: info.KubeletVersion},
		NodeName:  from.Name, Runtime: info.ContainerRuntimeVersion, OS: info.OSImage, Kernel: info.KernelVersion,
		Architecture: info.Architecture, Ready: ready(from), Closed: closed(from), Kind: -1,
	}
	var err error
	if n.parsed, err = gates.ParseVersion(info.KubeletVersion); err != nil {
		n.Version, n.Refusal = "", err.Error()
		n.fill(nil)
		return
	}
	permission := Permission{Verb: "get", Resource: "nodes/proxy"}
	if l.isMissing(permission) {
		n.Refusal = refusal(permission)
		n.fill(nil)
		return
	}
	patient, cancel := context.WithTimeout(ctx, l.patience)
	defer cancel()
	series, err := l.series(patient, "/api/v1/nodes/"+from.Name+"/proxy/metrics")
	if err != nil {
		n.Refusal = l.reason(err, permission)
	}
	n.fill(series)
}

func ready(n *corev1.Node) bool {
	return slices.ContainsFunc(n.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
}

// closed says why a Pod without tolerations is not scheduled to a node.
func closed(n *corev1.Node) string {
	if n.Spec.Unschedulable {
		return "cordoned"
	}
	for _, t := range n.Spec.Taints {
		if t.Effect == corev1.TaintEffectNoSchedule || t.Effect == corev1.TaintEffectNoExecute {
			return "taint " + t.Key
		}
	}
	return ""
}

// gateSeries is one series of kubernetes_feature_enabled. The order of labels is that of their names in every release.
var gateSeries = regexp.MustCompile(`^kubernetes_feature_enabled\{name="([^"]+)",stage="([^"]*)"\} ([01])(?:\.0+)?$`)

// series reads the feature gates out of a page of metrics: from the name of a gate to the series as it stands there.
func (l *looker) series(ctx context.Context, path string) (map[string]string, error) {
	body, err := l.get(ctx, path)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	found := map[string]string{}
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 64<<10), 4<<20)
	for lines.Scan() {
		if match := gateSeries.FindStringSubmatch(lines.Text()); match != nil {
			found[match[1]] = lines.Text()
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, errors.New("its metrics have no series kubernetes_feature_enabled")
	}
	return found, nil
}

// refused returns the reason if an error is a refusal, and notes the permission; else nothing.
func (l *looker) refused(err error, p Permission) string {
	if !apierrors.IsForbidden(err) && !apierrors.IsUnauthorized(err) {
		return ""
	}
	l.lock.Lock()
	defer l.lock.Unlock()
	if !slices.Contains(l.facts.Missing, p) {
		l.facts.Missing = append(l.facts.Missing, p)
	}
	return refusal(p)
}

func (l *looker) isMissing(p Permission) bool {
	l.lock.Lock()
	defer l.lock.Unlock()
	return slices.Contains(l.facts.Missing, p)
}

func refusal(p Permission) string { return "RBAC refuses: " + p.String() }

// reason is refused, or in a few words what else went wrong.
func (l *looker) reason(err error, p Permission) string {
	if why := l.refused(err, p); why != "" {
		return why
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("no answer within %s", l.patience)
	}
	return "no answer: " + strings.TrimSpace(err.Error())
}

// fill derives the state of every gate from series and version.
func (c *Component) fill(series map[string]string) {
	for _, g := range gates.Gates() {
		c.Gates = append(c.Gates, c.state(g.Name, series))
	}
}

func (c *Component) state(name string, series map[string]string) Gate {
	if text, found := series[name]; found {
		state := Off
		if match := gateSeries.FindStringSubmatch(text); match[3] == "1" {
			state = On
		}
		return Gate{name, state, Metrics, text}
	}
	if r, ok := c.Release(); ok {
		if on, why, fixed := gates.Fixed(name, r); fixed {
			if c.Refusal == "" {
				why = "no series: " + why
			}
			return Gate{name, stateOf(on), ByVersion, why}
		}
	}
	why := c.Refusal
	switch {
	case c.Version != "" && c.parsed.Known == gates.TooOld && name == gates.SidecarContainers:
		return Gate{name, Off, ByVersion, c.age()}
	case c.Refusal == "" && c.age() != "":
		why = "no series: " + c.age()
	case c.Refusal == "":
		why = "no series, although the release has the gate"
	}
	return Gate{name, Unknown, None, why}
}

func stateOf(on bool) State {
	if on {
		return On
	}
	return Off
}

// bySkew derives the gates of kubelets that nobody saw from the release of the API server.
func (c *Component) bySkew(api *Component) {
	r, ok := api.Release()
	for _, g := range gates.Gates() {
		state := Gate{g.Name, Unknown, None, c.Refusal}
		if ok {
			if on, why, fixed := gates.FixedBySkew(g.Name, r); fixed {
				state = Gate{g.Name, stateOf(on), BySkew, why}
			}
		}
		c.Gates = append(c.Gates, state)
	}
}
