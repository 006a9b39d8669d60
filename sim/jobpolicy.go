package sim

import (
	"fmt"
	"slices"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// What a policy of the Job says about a failed Pod, and about the indexes that succeeded.

// failureVerdict is what podFailurePolicy says about a failed Pod.
type failureVerdict struct {
	action  FailureAction // empty where no rule matches
	message string        // of FailJob
	counts  bool          // towards the back-off limits
}

// judgeFailure is pkg/controller/job/pod_failure_policy.go: matchPodFailurePolicy. The first rule that matches decides.
func (r *jobRun) judgeFailure(p *jobPod) failureVerdict {
	for i := range r.spec().PodFailurePolicy {
		rule := &r.spec().PodFailurePolicy[i]
		message := ""
		switch {
		case rule.OnExitCodes != nil:
			c := r.matchExitCodes(p, rule.OnExitCodes)
			if c < 0 {
				continue
			}
			message = fmt.Sprintf("Container %s for pod %s/%s failed with exit code %d matching %s rule at index %d",
				r.containerName(c), r.scenario.Pod.Namespace, p.scenario.Pod.Name, p.view.containers[c].exitCode, rule.Action, i)
		default:
			condition := p.matchCondition(rule.OnPodConditions)
			if condition == "" {
				continue
			}
			message = fmt.Sprintf("Pod %s/%s has condition %s matching %s rule at index %d",
				r.scenario.Pod.Namespace, p.scenario.Pod.Name, condition, rule.Action, i)
		}
		switch rule.Action {
		case FailureIgnore:
			return failureVerdict{action: rule.Action}
		case FailureFailIndex:
			if !r.gate.LimitPerIndex {
				continue
			}
			return failureVerdict{action: rule.Action, counts: true}
		case FailureCount:
			return failureVerdict{action: rule.Action, counts: true}
		case FailureFailJob:
			return failureVerdict{action: rule.Action, message: message, counts: true}
		}
	}
	return failureVerdict{counts: true}
}

// matchExitCodes is matchOnExitCodes: the mains first, then all init containers, sidecars included; the API lists mains by name. It
// returns the position of the container, or -1.
func (r *jobRun) matchExitCodes(p *jobPod, m *ExitCodeMatch) int {
	for _, i := range r.statusOrder {
		c := &p.view.containers[i]
		if !c.terminated || c.exitCode == 0 || m.Container != "" && m.Container != r.containerName(i) {
			continue
		}
		if slices.Contains(m.Values, c.exitCode) != m.NotIn {
			return i
		}
	}
	return -1
}

// matchCondition is matchOnPodConditions. Of the conditions that the API knows only those are seen here that a trace has.
func (p *jobPod) matchCondition(rules []PodConditionRule) string {
	for _, c := range p.view.conditions {
		status := "False"
		if c.True {
			status = "True"
		}
		for _, rule := range rules {
			if rule.Type == c.Type.String() && rule.Status == status {
				return rule.Type
			}
		}
	}
	return ""
}

// matchSuccess is success_policy.go: matchSuccessPolicy.
func (r *jobRun) matchSuccess(succeeded intervals) (message string, met bool) {
	spec := r.spec()
	if len(succeeded) == 0 {
		return "", false
	}
	for i := range spec.SuccessPolicy {
		rule := &spec.SuccessPolicy[i]
		switch {
		case rule.SucceededIndexes != "":
			wanted := parseIndexes(rule.SucceededIndexes, *spec.Completions)
			have := wanted.overlap(succeeded)
			if len(wanted) == 0 || have != wanted.total() && (rule.SucceededCount == nil || have < *rule.SucceededCount) {
				continue
			}
		case rule.SucceededCount == nil || succeeded.total() < *rule.SucceededCount:
			continue
		}
		return fmt.Sprintf("Matched rules at index %d", i), true
	}
	return "", false
}

// containerName names the container at a position of the trace's table.
func (r *jobRun) containerName(i int) string { return r.trace.Containers[i].Name }

// listStatuses is the order in which the controller looks at a Pod's container statuses: those of mains, which the API has by name,
// then those of init containers.
func listStatuses(containers []trace.Container) []int {
	var mains, inits []int
	for i := range containers {
		if containers[i].Role == trace.RoleMain {
			mains = append(mains, i)
		} else {
			inits = append(inits, i)
		}
	}
	slices.SortFunc(mains, func(a, b int) int {
		if containers[a].Name < containers[b].Name {
			return -1
		}
		return 1
	})
	return append(mains, inits...)
}
