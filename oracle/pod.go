package oracle

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/kubernetes/pkg/apis/scheduling"

	"github.com/sidecar-conformance/sidecar-conformance/oracle/apiserver"
	"github.com/sidecar-conformance/sidecar-conformance/oracle/cri"
	"github.com/sidecar-conformance/sidecar-conformance/oracle/node"
	"github.com/sidecar-conformance/sidecar-conformance/sim"
)

// uid of every Pod: one bubble has one Pod.
const uid = types.UID("00000000-0000-4000-8000-000000000001")

// manifest is the Pod of the API for the model's Pod, bound to the node, after defaulting. Containers that a step resizes get resources: of
// memory a change wants a restart, of cpu it does not.
func manifest(p sim.Pod, steps []sim.Step) *v1.Pod {
	pod := &v1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: p.Name, Namespace: p.Namespace, UID: uid},
		Spec: v1.PodSpec{
			NodeName:                      node.Name,
			RestartPolicy:                 v1.RestartPolicy(p.RestartPolicy),
			TerminationGracePeriodSeconds: &p.TerminationGracePeriodSeconds,
			DNSPolicy:                     v1.DNSDefault, // anything else is warned about at each sync
			EnableServiceLinks:            new(bool),
			AutomountServiceAccountToken:  new(bool),
		},
	}
	if pod.Name == "" {
		pod.Name = "pod"
	}
	if pod.Namespace == "" {
		pod.Namespace = "default"
	}
	if p.Critical {
		priority := int32(scheduling.SystemCriticalPriority)
		pod.Spec.Priority = &priority
	}
	if p.ActiveDeadlineSeconds > 0 {
		pod.Spec.ActiveDeadlineSeconds = &p.ActiveDeadlineSeconds
	}
	if p.OS != "" {
		pod.Spec.OS = &v1.PodOS{Name: v1.OSName(p.OS)}
	}
	for _, c := range p.Init {
		pod.Spec.InitContainers = append(pod.Spec.InitContainers, containerOf(c))
	}
	for _, c := range p.Main {
		pod.Spec.Containers = append(pod.Spec.Containers, containerOf(c))
	}
	for i := range steps {
		if steps[i].Patch != nil && resizable {
			for _, resize := range steps[i].Patch.Resize {
				makeResizable(pod, resize.Container)
			}
		}
	}
	apiserver.Default(pod)
	return pod
}

// makeResizable leaves plain init containers alone: no release lets them be resized with a restart.
func makeResizable(pod *v1.Pod, container string) {
	resizable := func(list []v1.Container, init bool) {
		for i := range list {
			c := &list[i]
			if c.Name != container || init && (c.RestartPolicy == nil || *c.RestartPolicy != "Always") {
				continue
			}
			c.Resources.Requests = v1.ResourceList{v1.ResourceCPU: resource.MustParse("100m"), v1.ResourceMemory: resource.MustParse("64Mi")}
			memory := v1.RestartContainer
			if pod.Spec.RestartPolicy == v1.RestartPolicyNever {
				memory = v1.NotRequired // validateResizePolicy takes nothing else
			}
			c.ResizePolicy = []v1.ContainerResizePolicy{
				{ResourceName: v1.ResourceCPU, RestartPolicy: v1.NotRequired}, {ResourceName: v1.ResourceMemory, RestartPolicy: memory},
			}
		}
	}
	resizable(pod.Spec.InitContainers, true)
	resizable(pod.Spec.Containers, false)
}

// bind does what the binding of a Pod to its node leaves in the status.
func bind(pod *v1.Pod) {
	pod.Status.Phase = v1.PodPending
	pod.Status.Conditions = []v1.PodCondition{{
		Type: v1.PodScheduled, Status: v1.ConditionTrue, LastTransitionTime: metav1.NewTime(time.Now().Truncate(time.Second)),
	}}
}

// ephemeralOf is an ephemeral container as a client adds it.
func ephemeralOf(c sim.Container) v1.EphemeralContainer {
	return v1.EphemeralContainer{EphemeralContainerCommon: v1.EphemeralContainerCommon(containerOf(c))}
}

func containerOf(c sim.Container) v1.Container {
	out := v1.Container{
		Name: c.Name, Image: imageOf(c), ImagePullPolicy: v1.PullIfNotPresent,
		StartupProbe:   probeOf(c.Startup, "startup"),
		ReadinessProbe: probeOf(c.Readiness, "readiness"),
		LivenessProbe:  probeOf(c.Liveness, "liveness"),
	}
	if c.AlwaysPull {
		out.ImagePullPolicy = v1.PullAlways
	}
	if c.RestartPolicy != "" {
		policy := v1.ContainerRestartPolicy(c.RestartPolicy)
		out.RestartPolicy = &policy
	}
	if c.PostStart != nil || c.PreStop != nil || c.EmptyLifecycle {
		out.Lifecycle = &v1.Lifecycle{PostStart: hookOf(c.PostStart, "poststart"), PreStop: hookOf(c.PreStop, "prestop")}
	}
	younger(&out, c)
	for _, start := range c.Behavior.Starts {
		if start.Create == "ConfigError" { // a reference to a ConfigMap that is sometimes missing
			out.Env = []v1.EnvVar{{Name: "VALUE", ValueFrom: &v1.EnvVarSource{ConfigMapKeyRef: &v1.ConfigMapKeySelector{
				LocalObjectReference: v1.LocalObjectReference{Name: c.Name}, Key: "value",
			}}}}
			break
		}
	}
	return out
}

// imageOf is the image of a container: its own by default, so that the runtime knows who pulls.
func imageOf(c sim.Container) string {
	for _, pull := range c.Behavior.Pulls {
		if pull.Result == "InvalidImageName" {
			return "Invalid//" + c.Name
		}
	}
	if c.Image != "" {
		return c.Image
	}
	return "images.invalid/" + c.Name + ":1"
}

// execOf is an exec of the given words. All handlers but sleep are carried out as exec: real sockets have no place in
// virtual time.
func execOf(kind, name string) *v1.ExecAction {
	return &v1.ExecAction{Command: []string{kind, name}}
}

func probeOf(p *sim.Probe, name string) *v1.Probe {
	if p == nil {
		return nil
	}
	out := &v1.Probe{
		ProbeHandler:        v1.ProbeHandler{Exec: execOf(cri.CommandProbe, name)},
		InitialDelaySeconds: int32(p.InitialDelaySeconds),
		PeriodSeconds:       int32(p.PeriodSeconds), TimeoutSeconds: int32(p.TimeoutSeconds),
		SuccessThreshold: int32(p.SuccessThreshold), FailureThreshold: int32(p.FailureThreshold),
	}
	if p.TerminationGracePeriodSeconds > 0 {
		out.TerminationGracePeriodSeconds = &p.TerminationGracePeriodSeconds
	}
	return out
}

func hookOf(h *sim.Hook, name string) *v1.LifecycleHandler {
	switch {
	case h == nil:
		return nil
	case h.Handler == sim.HandlerSleep:
		return sleepHook(h.SleepSeconds)
	}
	return &v1.LifecycleHandler{Exec: execOf(cri.CommandHook, name)}
}

// sleepHook is set by its JSON form: the field is younger than the oldest release.
func sleepHook(seconds int64) *v1.LifecycleHandler {
	handler := &v1.LifecycleHandler{}
	merge(handler, fmt.Sprintf(`{"sleep":{"seconds":%d}}`, seconds))
	return handler
}

// younger sets other such fields. A release that does not know them leaves them out.
func younger(out *v1.Container, c sim.Container) {
	for _, rule := range c.RestartRules {
		operator := "In"
		if rule.NotIn {
			operator = "NotIn"
		}
		values, err := json.Marshal(append([]int32{}, rule.Values...))
		if err != nil {
			panic(err) // numbers have a JSON form
		}
		merge(addRule(out), fmt.Sprintf(`{"action":%q,"exitCodes":{"operator":%q,"values":%s}}`, rule.Action, operator, values))
	}
	if c.StopSignal != "" {
		merge(out, fmt.Sprintf(`{"lifecycle":{"stopSignal":%q}}`, c.StopSignal))
	}
}

// addRule adds an empty restart rule, where the release knows them.
func addRule(out *v1.Container) any {
	rules := reflect.ValueOf(out).Elem().FieldByName("RestartPolicyRules")
	if !rules.IsValid() {
		return new(struct{})
	}
	rules.Set(reflect.Append(rules, reflect.Zero(rules.Type().Elem())))
	return rules.Index(rules.Len() - 1).Addr().Interface()
}

// merge reads a JSON text of ours into an object of the API.
func merge(into any, text string) {
	if err := json.Unmarshal([]byte(text), into); err != nil {
		panic(err)
	}
}
