package actor

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor/script"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/sim"
)

// Options say how Pods are made.
type Options struct {
	// Image is the name under which the nodes have the actor's image. Default: Reference.
	Image string
	// Restricted asks for no more rights than the Pod Security level "restricted" grants. It needs nodes with seccomp.
	Restricted bool
}

func (o Options) image() string {
	if o.Image == "" {
		return Reference()
	}
	return o.Image
}

// Realisation is what a cluster can do of a scenario.
type Realisation struct {
	// Pod is what to create; nil where Reasons says why not. The image is never pulled: nodes must have it, except where
	// that a pull fails is the point.
	Pod *corev1.Pod
	// Ephemeral are the containers that steps add to it.
	Ephemeral []corev1.EphemeralContainer
	// Item is what the Pod plays, for the simulator to predict: the item that was asked for, with the changes below.
	Item *fixtures.Item
	// Reasons say what a cluster cannot do. The scenario is not applicable there.
	Reasons []string
	// Changes say what the Pod does otherwise than was written, none of which changes an order.
	Changes []string
}

// Pod returns the Pod that plays the item's scenario on a cluster, or why there is none. It is the short form of Realise.
func Pod(item *fixtures.Item, o Options) (*corev1.Pod, []string) {
	r := Realise(item, o)
	return r.Pod, r.Reasons
}

// The labels of every Pod that is made here.
const (
	// LabelManagedBy has the value ManagedBy.
	LabelManagedBy = "app.kubernetes.io/managed-by"
	ManagedBy      = "sidecar-conformance"
	// LabelScenario holds the name of the scenario, or "sentinel".
	LabelScenario = fixtures.AnnotationPrefix + "scenario"
)

const (
	// volumeName is the volume in which the containers' runs are counted and journaled.
	volumeName = "sidecar-conformance"
	// firstPort is the first port that the actors of a Pod answer at, below those that nodes and clients take by themselves.
	firstPort = 17001
)

// Realise makes the Pod that plays the item's scenario on a cluster.
func Realise(item *fixtures.Item, o Options) Realisation {
	r := realiser{options: o, nextPort: firstPort}
	r.copy(item)
	r.scenario()
	template, err := r.template()
	if err != nil {
		r.Reasons = append(r.Reasons, err.Error())
		return r.Realisation
	}
	pod := r.pod(template)
	if len(r.Reasons) == 0 {
		r.Pod = pod
	}
	return r.Realisation
}

// realiser makes one Pod.
type realiser struct {
	Realisation
	options  Options
	nextPort int32
	// leftOut are the paths of fields that the Pod does not have.
	leftOut []string
}

func (r *realiser) cannot(format string, args ...any) {
	r.Reasons = append(r.Reasons, fmt.Sprintf(format, args...))
}

func (r *realiser) change(format string, args ...any) {
	r.Changes = append(r.Changes, fmt.Sprintf(format, args...))
}

func (r *realiser) port() int32 {
	r.nextPort++
	return r.nextPort - 1
}

// copy takes an item of its own, so that changes do not reach the caller's.
func (r *realiser) copy(item *fixtures.Item) {
	own := *item
	own.Scenario.Pod.Init = slices.Clone(item.Scenario.Pod.Init)
	own.Scenario.Pod.Main = slices.Clone(item.Scenario.Pod.Main)
	own.Scenario.Pod.Ephemeral = slices.Clone(item.Scenario.Pod.Ephemeral)
	r.Item = &own
}

// scenario says what of the scenario as a whole cannot be had.
func (r *realiser) scenario() {
	s := &r.Item.Scenario
	if s.Latency != nil {
		r.change("the runtime takes as long as it does, not as spec.latency says")
		s.Latency = nil
	}
	forced := slices.ContainsFunc(s.Steps, func(step sim.Step) bool { return step.Delete != nil && step.Delete.Force })
	if s.Pod.NoVolumes && forced {
		r.cannot("the Pod mounts nothing and is deleted by force; the actor needs a volume, and only a Pod without any loses its directory then")
	}
	s.Pod.NoVolumes = false
	if s.Pod.Critical {
		r.change("the Pod is not critical, which decides about evictions and the shutdown of nodes alone")
		s.Pod.Critical = false
	}
}

// Fields of a Pod and of a container that order does not depend on, and that need something outside the Pod, more than a
// small node has, or the image that is replaced.
var (
	unneededOfPod = []string{
		"volumes", "nodeSelector", "serviceAccountName", "serviceAccount", "nodeName", "hostNetwork", "hostPID", "hostIPC", "hostUsers",
		"securityContext", "imagePullSecrets", "affinity", "schedulerName", "priorityClassName", "priority", "preemptionPolicy",
		"runtimeClassName", "overhead", "topologySpreadConstraints", "resourceClaims", "resources", "ephemeralContainers",
	}
	unneededOfContainer = []string{
		"workingDir", "ports", "envFrom", "env", "resources", "volumeMounts", "volumeDevices", "securityContext", "stdin", "stdinOnce", "tty",
	}
)

// template decodes the Pod as written, without what is not needed.
func (r *realiser) template() (*corev1.PodTemplateSpec, error) {
	var written struct {
		Metadata json.RawMessage            `json:"metadata,omitempty"`
		Spec     map[string]json.RawMessage `json:"spec"`
	}
	if err := json.Unmarshal(r.Item.Template.JSON(), &written); err != nil {
		return nil, fmt.Errorf("the Pod cannot be decoded: %w", err)
	}
	r.leaveOut(written.Spec, unneededOfPod, "spec")
	for _, list := range []string{"initContainers", "containers"} {
		if err := r.leaveOutOfAll(written.Spec, list); err != nil {
			return nil, fmt.Errorf("the Pod cannot be decoded: %w", err)
		}
	}
	if len(r.leftOut) > 0 {
		r.change("fields that order does not depend on are left out: %s", strings.Join(r.leftOut, ", "))
	}
	text, err := json.Marshal(written)
	if err != nil {
		return nil, fmt.Errorf("the Pod cannot be decoded: %w", err)
	}
	var template corev1.PodTemplateSpec
	if err := json.Unmarshal(text, &template); err != nil {
		return nil, fmt.Errorf("the Pod cannot be decoded: %w", err)
	}
	return &template, nil
}

func (r *realiser) leaveOutOfAll(spec map[string]json.RawMessage, list string) error {
	var containers []map[string]json.RawMessage
	if spec[list] == nil {
		return nil
	}
	if err := json.Unmarshal(spec[list], &containers); err != nil {
		return err
	}
	for i := range containers {
		r.leaveOut(containers[i], unneededOfContainer, fmt.Sprintf("spec.%s[%d]", list, i))
	}
	text, err := json.Marshal(containers)
	spec[list] = text
	return err
}

func (r *realiser) leaveOut(fields map[string]json.RawMessage, unneeded []string, at string) {
	for _, field := range unneeded {
		if value, set := fields[field]; set {
			delete(fields, field)
			if string(value) != "null" {
				r.leftOut = append(r.leftOut, at+"."+field)
			}
		}
	}
}

// pod makes the Pod from what is left of the template.
func (r *realiser) pod(template *corev1.PodTemplateSpec) *corev1.Pod {
	pod := &corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{
			Name: r.Item.Scenario.Pod.Name, Namespace: r.Item.Namespace,
			Labels: map[string]string{}, Annotations: template.Annotations,
		},
		Spec: template.Spec,
	}
	for key, value := range template.Labels {
		pod.Labels[key] = value
	}
	label(pod, r.Item.Name)
	pod.Spec.Volumes = []corev1.Volume{volume()}
	if r.options.Restricted {
		restrictPod(&pod.Spec)
	}
	model := &r.Item.Scenario.Pod
	for i := range pod.Spec.InitContainers {
		r.container(&pod.Spec.InitContainers[i], &model.Init[i])
	}
	for i := range pod.Spec.Containers {
		r.container(&pod.Spec.Containers[i], &model.Main[i])
	}
	for i := range model.Ephemeral {
		c := corev1.Container{Name: model.Ephemeral[i].Name}
		r.container(&c, &model.Ephemeral[i])
		r.Ephemeral = append(r.Ephemeral, corev1.EphemeralContainer{EphemeralContainerCommon: corev1.EphemeralContainerCommon(c)})
	}
	return pod
}

// label marks a Pod as ours. A name that is too long for a label stays in the Pod's own name.
func label(pod *corev1.Pod, scenario string) {
	const maxLabel = 63
	pod.Labels[LabelManagedBy] = ManagedBy
	if len(scenario) <= maxLabel {
		pod.Labels[LabelScenario] = scenario
	}
}

func volume() corev1.Volume {
	return corev1.Volume{Name: volumeName, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}
}

func mount() corev1.VolumeMount {
	return corev1.VolumeMount{Name: volumeName, MountPath: script.Directory}
}

func restrictPod(spec *corev1.PodSpec) {
	spec.SecurityContext = &corev1.PodSecurityContext{
		RunAsNonRoot:   new(true),
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
}

func restrictContainer(c *corev1.Container) {
	c.SecurityContext = &corev1.SecurityContext{
		AllowPrivilegeEscalation: new(false),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
}
