package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

var resRules = []Rule{
	{
		ID: "RES001", Group: RES, Title: "Effective requests fit", Severity: Error,
		What: "Computes what the scheduler counts, for each resource: the greater of (a) each init container with the sidecars in front of it and (b) all sidecars with all mains, plus the " +
			"overhead. It fails above the largest candidate node. More than 20 % above the value without sidecars is a warning, and so is a plain init container whose peak a sidecar " +
			"in front of it raises.",
		Why:      "A sidecar is counted together with every plain init container behind it. In front of a large one it may make the Pod too large for every node.",
		Remedy:   "move the sidecar behind the large init container if it does not need it, or lower a request",
		Evidence: []string{"kubernetes-sigs/karpenter#479", "kubernetes/autoscaler#6225", "kubernetes/kubernetes#119406"},
		static:   res001,
	},
	{
		ID: "RES002", Group: RES, Title: "Sidecars declare requests", Severity: Warning, OnlyWarns: true,
		What:     "Compares the Pod's QoS class with and without its sidecars: a lower one is a warning, and so is a sidecar without a cpu request under an autoscaler that goes by utilization.",
		Why:      "One sidecar without requests takes the whole Pod out of the class Guaranteed, and an autoscaler without numbers does nothing.",
		Remedy:   "give the sidecar cpu and memory requests, and limits equal to them where the mains have such",
		Evidence: []string{"dapr/dapr#2147", "bank-vaults/bank-vaults#554", "ray-project/kuberay#1043", "pingcap/tidb-operator#1911"},
		static:   res002,
	},
	{
		ID: "RES003", Group: RES, Title: "Exclusive resources are not counted as shared", Severity: Error,
		What:     "Looks for devices, huge pages and whole cpus that both a sidecar and a main ask for. It fails if their sum is more than a node has, and else warns with the sum.",
		Why:      "What a sidecar holds is not handed on to the mains, as it is with plain init containers.",
		Remedy:   "ask for it in one of them",
		Evidence: []string{"kubernetes/kubernetes#131379"},
		static:   res003,
	},
	{
		ID: "RES004", Group: RES, Title: "The sidecar is not the first OOM victim", Severity: Warning, OnlyWarns: true,
		What:     "On targets whose kubelet gives a sidecar the OOM score of its own request: warns if that is below a tenth of the smallest main's.",
		Why:      "The process with the smallest request is killed first. Without its proxy the main is of no use.",
		Remedy:   "raise the memory request of the sidecar",
		Evidence: []string{"kubernetes/kubernetes#111356", "kubernetes/kubernetes#128029"},
		static:   res004,
	},
	{
		ID: "RES005", Group: RES, Title: "Cluster add-ons count native sidecars", Severity: Warning, OnlyWarns: true,
		What: "Compares the versions of the add-ons that the configuration names (addOns) with the first ones that count sidecars, or manage them. An older one is a warning, with what it does " +
			"instead; a version that is newer than those that were read is unknown where none of these does.",
		Why:      "The scheduler adds a sidecar's requests to those of the mains. An add-on that does not makes nodes too small, takes away those in use, or lets in more than the quota.",
		Remedy:   "update the add-on",
		Evidence: []string{"kubernetes-sigs/karpenter#569", "kubernetes/autoscaler#6225", "kubernetes/autoscaler#6691", "kubernetes/autoscaler#7229", "kubernetes-sigs/kueue#2099"},
		static:   res005,
	},
}

// amount returns how much of a resource a list has.
func amount(list []Amount, resource string) int64 {
	for _, a := range list {
		if a.Resource == resource {
			return a.Milli
		}
	}
	return 0
}

// resources returns the names of all resources that the Pod requests, sorted.
func (e *exam) resources() []string {
	var found []string
	for i := range e.parts {
		for _, a := range e.parts[i].Requests {
			if !slices.Contains(found, a.Resource) {
				found = append(found, a.Resource)
			}
		}
	}
	slices.Sort(found)
	return found
}

// demand is what the scheduler counts of one resource. component-helpers/resource/helpers.go: PodRequests.
type demand struct {
	// total is the effective request, without what it would be without the sidecars.
	total, without int64
	// running is the sum of sidecars and mains, peak the greatest of the init list; at is the init container with it.
	running, peak int64
	at            *part
	// raised is the plain init container whose peak the sidecars in front of it raise above running, by how much.
	raised   *part
	raisedBy int64
	overhead int64
}

func (e *exam) demand(resource string) demand {
	d := demand{overhead: amount(e.subject.Overhead, resource)}
	sidecars, mains, plainPeak := int64(0), int64(0), int64(0)
	for i := range e.parts {
		p := &e.parts[i]
		request := amount(p.Requests, resource)
		switch use := sidecars + request; {
		case p.sidecar():
			sidecars += request
			if use > d.peak {
				d.peak, d.at = use, p
			}
		case p.init:
			plainPeak = max(plainPeak, request)
			if use > d.peak {
				d.peak, d.at = use, p
			}
			if sidecars > 0 && request > 0 && (d.raised == nil || use > amount(d.raised.Requests, resource)+d.raisedBy) {
				d.raised, d.raisedBy = p, sidecars
			}
		default:
			mains += request
		}
	}
	d.running = sidecars + mains
	d.total = max(d.running, d.peak) + d.overhead
	d.without = max(mains, plainPeak) + d.overhead
	if d.raised != nil && amount(d.raised.Requests, resource)+d.raisedBy <= d.running {
		d.raised = nil // the sum of those that run counts anyway
	}
	return d
}

// sum writes the arithmetic.
func (d *demand) sum(resource string) string {
	text := fmt.Sprintf("%s: sidecars and mains %s", resource, quantity(resource, d.running))
	if d.at != nil {
		text += fmt.Sprintf(", init list %s at %s", quantity(resource, d.peak), d.at.Name)
	}
	if d.overhead > 0 {
		text += ", overhead " + quantity(resource, d.overhead)
	}
	return text + fmt.Sprintf(": effective %s, without sidecars %s", quantity(resource, d.total), quantity(resource, d.without))
}

// quantity writes an amount as Kubernetes does, in the greatest unit that is even.
func quantity(resource string, milli int64) string {
	if resource == "memory" || resource == "ephemeral-storage" || strings.HasPrefix(resource, "hugepages-") {
		bytes := milli / 1000
		for _, unit := range [...]struct {
			name string
			size int64
		}{{"Gi", 1 << 30}, {"Mi", 1 << 20}, {"Ki", 1 << 10}} {
			if bytes >= unit.size && bytes%unit.size == 0 {
				return strconv.FormatInt(bytes/unit.size, 10) + unit.name
			}
		}
		if bytes >= 10<<20 {
			return strconv.FormatInt((bytes+1<<20-1)>>20, 10) + "Mi"
		}
		return strconv.FormatInt(bytes, 10)
	}
	if milli%1000 == 0 {
		return strconv.FormatInt(milli/1000, 10)
	}
	return strconv.FormatInt(milli, 10) + "m"
}

func res001(c *checking) {
	if !c.needSidecars() {
		return
	}
	resources := c.resources()
	switch {
	case len(resources) == 0:
		c.skip("no container requests anything")
		return
	case c.subject.PodResources:
		c.skip("spec.resources replaces the sums")
		return
	}
	sums := make([]string, len(resources))
	for i, resource := range resources {
		d := c.demand(resource)
		sums[i] = d.sum(resource)
		c.fits(resource, &d, sums[i])
		switch {
		case d.raised != nil:
			own := amount(d.raised.Requests, resource)
			c.warn(d.raised.at("resources.requests"), "the sidecars in front of %s raise its peak of %s from %s to %s", d.raised.Name, resource,
				quantity(resource, own), quantity(resource, own+d.raisedBy)).because("%s.", sums[i])
		case d.total*5 > d.without*6:
			c.warn(Pointer{Path: "spec.initContainers"}, "sidecars raise the effective request of %s from %s to %s", resource, quantity(resource, d.without), quantity(resource, d.total)).
				because("%s.", sums[i]).do("lower the requests of the sidecars, or accept it")
		}
	}
	if len(c.policy.Nodes) == 0 {
		c.unknown("no node sizes are given (budgets.nodes); %s", strings.Join(sums, "; "))
		return
	}
	c.pass("%s", strings.Join(sums, "; "))
}

// fits compares with the largest of the candidate nodes.
func (c *checking) fits(resource string, d *demand, sum string) {
	largest, name := int64(-1), ""
	for _, node := range c.policy.Nodes {
		if has := amount(node.Allocatable, resource); has > largest {
			largest, name = has, node.Name
		}
	}
	if largest >= 0 && d.total > largest {
		c.fail(Pointer{Path: "spec"}, "the effective request of %s is %s, the largest node (%s) has %s", resource, quantity(resource, d.total), name, quantity(resource, largest)).because("%s.", sum)
	}
}

// qos is a Pod's class. pkg/apis/core/v1/helper/qos: ComputePodQOS.
func qos(parts []*part) string {
	any, guaranteed := false, true
	for _, p := range parts {
		for _, resource := range [...]string{"cpu", "memory"} {
			request, limit := amount(p.Requests, resource), amount(p.Limits, resource)
			any = any || request > 0 || limit > 0
			guaranteed = guaranteed && limit > 0 && request == limit
		}
	}
	switch {
	case !any:
		return "BestEffort"
	case guaranteed:
		return "Guaranteed"
	}
	return "Burstable"
}

func res002(c *checking) {
	if !c.needSidecars() {
		return
	}
	if c.subject.PodResources {
		c.skip("spec.resources decides the class")
		return
	}
	others := c.those(func(p *part) bool { return !p.sidecar() })
	rank := func(class string) int { return slices.Index([]string{"BestEffort", "Burstable", "Guaranteed"}, class) }
	before, now := qos(others), qos(c.those(func(*part) bool { return true }))
	if rank(now) < rank(before) {
		for _, s := range c.sidecars() {
			if rank(qos(append(slices.Clone(others), s))) < rank(before) {
				c.warn(s.at("resources"), "%s takes the Pod from QoS class %s to %s", s.Name, before, now).
					because("%s requests cpu %s and memory %s, with limits %s and %s; the class %s wants both, and equal limits, on every container.", s.Name,
						quantity("cpu", amount(s.Requests, "cpu")), quantity("memory", amount(s.Requests, "memory")), quantity("cpu", amount(s.Limits, "cpu")), quantity("memory", amount(s.Limits, "memory")), before)
			}
		}
	}
	for _, s := range c.sidecars() {
		if c.policy.Autoscaled && amount(s.Requests, "cpu") == 0 {
			c.warn(s.at("resources"), "%s has no cpu request, and an autoscaler that goes by utilization needs one", s.Name)
		}
	}
	c.pass("the Pod's QoS class is %s with and without its sidecars", now)
}

// exclusive reports whether containers do not share what they get of a resource.
func exclusive(resource string) bool {
	return strings.HasPrefix(resource, "hugepages-") || strings.Contains(resource, "/") && !strings.Contains(resource, "kubernetes.io/")
}

func res003(c *checking) {
	if !c.needSidecars() {
		return
	}
	guaranteed := qos(c.those(func(*part) bool { return true })) == "Guaranteed"
	for _, resource := range c.resources() {
		whole := resource == "cpu" && guaranteed
		if !exclusive(resource) && !whole {
			continue
		}
		held, asked := int64(0), int64(0)
		var at *part
		for i := range c.parts {
			request := amount(c.parts[i].Requests, resource)
			if whole && request%1000 != 0 {
				continue
			}
			switch p := &c.parts[i]; {
			case request == 0 || p.plain():
			case p.sidecar():
				held, at = held+request, p
			default:
				asked += request
			}
		}
		if at == nil || asked == 0 {
			continue
		}
		c.sharing(at, resource, held, asked)
	}
	c.pass("no sidecar asks for devices, huge pages or whole cpus that a main asks for too")
}

func (c *checking) sharing(at *part, resource string, held, asked int64) {
	most := int64(-1)
	for _, node := range c.policy.Nodes {
		most = max(most, amount(node.Allocatable, resource))
	}
	where := at.at("resources.requests")
	if most >= 0 && held+asked > most {
		c.fail(where, "sidecars and mains ask for %s of %s together; the largest node has %s", quantity(resource, held+asked), resource, quantity(resource, most))
		return
	}
	if resource == "cpu" {
		c.note(where, "under a static cpu policy, sidecars and mains take %s cpus together", quantity(resource, held+asked))
		return
	}
	c.warn(where, "sidecars and mains ask for %s of %s together; it is not handed on", quantity(resource, held+asked), resource)
}

func res004(c *checking) {
	if !c.needSidecars() {
		return
	}
	if d, _ := gates.FindDefect("D10"); !d.In(c.target.Target) {
		c.pass("this kubelet gives a sidecar the OOM score of the smallest main")
		return
	}
	smallest := int64(-1)
	var main *part
	for _, m := range c.mains() {
		if request := amount(m.Requests, "memory"); smallest < 0 || request < smallest {
			smallest, main = request, m
		}
	}
	for _, s := range c.sidecars() {
		if own := amount(s.Requests, "memory"); smallest > 0 && own*10 < smallest {
			c.warn(s.at("resources.requests"), "%s requests %s of memory, %s %s: it is killed first", s.Name, quantity("memory", own), main.Name, quantity("memory", smallest))
		}
	}
	c.pass("no sidecar requests less than a tenth of the memory of the smallest main")
}
