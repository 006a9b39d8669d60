package clusters

import (
	"fmt"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// Meaning says what the facts mean for a Pod with native sidecars on one node.
type Meaning struct {
	// Component is "node NAME", or "all nodes" where none was seen.
	Component string `json:"component"`
	// Works is on if such a Pod runs as its author meant, off if it does not, else unknown.
	Works State `json:"works"`
	// Text is one line.
	Text string `json:"text"`
	// Closed is as in Node: a node that takes no Pods harms none.
	Closed string `json:"closed,omitempty"`
}

// Meanings returns one meaning for each node, in the order of the nodes.
func (f *Facts) Meanings() []Meaning {
	if f.Kubelets != nil {
		works, text := f.meaning(f.Kubelets)
		return []Meaning{{f.Kubelets.Name, works, text, ""}}
	}
	meanings := make([]Meaning, len(f.Nodes))
	for i := range f.Nodes {
		n := &f.Nodes[i]
		works, text := f.meaning(&n.Component)
		meanings[i] = Meaning{n.Name, works, text, n.Closed}
	}
	return meanings
}

func (f *Facts) meaning(kubelet *Component) (State, string) {
	api, node := f.API.Gate(gates.SidecarContainers), kubelet.Gate(gates.SidecarContainers)
	switch {
	case api.State == Off:
		return Off, "the API server drops the field: a sidecar becomes a plain init container, and a Pod whose sidecar does not exit hangs in Init"
	case node.State == Off && kubelet.Version != "" && kubelet.parsed.Known == gates.TooOld:
		return Off, "the kubelet does not know the field: it runs a sidecar as a plain init container, and the Pod hangs in Init"
	case node.State == Off:
		return Off, "the kubelet rejects Pods with sidecars: phase Failed, reason InitContainerRestartPolicyForbidden"
	case api.State == Unknown:
		return Unknown, "not known for the API server: " + api.Because
	case node.State == Unknown:
		return Unknown, "not known for the kubelet: " + node.Because
	}
	server, ok := f.API.Release()
	if !ok {
		return Unknown, "not known for the API server: " + f.API.age()
	}
	release, ok := kubelet.Release()
	if !ok && node.Evidence == BySkew {
		return On, "sidecars start in order, and stop last, in reverse"
	}
	if !ok {
		return Unknown, "not known for the kubelet: " + kubelet.age()
	}
	target := gates.Target{Control: withSidecars(server), Nodes: []gates.Component{withSidecars(release)}, Split: true}
	resolved, err := gates.Resolve(target)
	if err != nil {
		return Unknown, "not predicted: " + strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	return On, order(&resolved)
}

// withSidecars is a component with the gate on.
func withSidecars(r gates.Release) gates.Component {
	c := gates.Component{Release: r}
	if !c.On(gates.SidecarContainers) {
		c.Overrides = []gates.Override{{Gate: gates.SidecarContainers, On: true}}
	}
	return c
}

// order says how sidecars start and stop, and which defects of the patch release matter to them.
func order(r *gates.Resolved) string {
	text := "sidecars start in order, and stop last, in reverse"
	if r.Kubelet.StopOrder == gates.StopTogether {
		text = "sidecars start in order, but all containers stop at once"
	}
	var defects []string
	if !r.Kubelet.RetryCreatedInit {
		defects = append(defects, "an init container whose start failed is not started again (#126543)")
	}
	if r.Kubelet.DeadInitHoldsStop {
		defects = append(defects, "a sidecar that is down holds up the stop of the Pod (#125880)")
	}
	if r.API.RefusesRestartedSidecars {
		defects = append(defects, "restarted sidecars look terminated under OnFailure and Never (#122902)")
	}
	if len(defects) == 0 {
		return text
	}
	return fmt.Sprintf("%s; known defects: %s", text, strings.Join(defects, "; "))
}
