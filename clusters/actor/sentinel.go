package actor

import (
	"encoding/json"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor/script"
)

// SentinelOptions say what a sentinel is to be.
type SentinelOptions struct {
	Options
	// Name and Namespace are the Pod's.
	Name, Namespace string
	// Node is where it runs, past the scheduler; empty lets the scheduler choose.
	Node string
	// Life is how long its process lives, from 0.
	Life time.Duration
}

// Sentinel returns a Pod of one container, "sentinel", whose process exits 0 after a known time. A recorder that sees it
// start and exit has missed nothing in between, and what it starts and ends late by is the node's delay.
func Sentinel(o SentinelOptions) *corev1.Pod {
	const name = "sentinel"
	s := script.Script{Container: name, Runs: []script.Process{{For: script.Duration(o.Life), OnStop: script.OnStop{ExitCode: 143}}}}
	text, err := json.Marshal(&s)
	if err != nil {
		panic(err) // a Script always encodes
	}
	pod := &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: o.Name, Namespace: o.Namespace, Labels: map[string]string{}},
		Spec: corev1.PodSpec{
			NodeName:                      o.Node,
			RestartPolicy:                 corev1.RestartPolicyNever,
			TerminationGracePeriodSeconds: new(int64(1)),
			AutomountServiceAccountToken:  new(false),
			Tolerations:                   []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
			Volumes:                       []corev1.Volume{volume()},
			Containers: []corev1.Container{{
				Name: name, Image: o.image(), ImagePullPolicy: corev1.PullIfNotPresent, Command: []string{Program},
				VolumeMounts: []corev1.VolumeMount{mount()},
				Env:          []corev1.EnvVar{{Name: script.Variable, Value: string(text)}},
			}},
		},
	}
	label(pod, name)
	if o.Restricted {
		restrictPod(&pod.Spec)
		restrictContainer(&pod.Spec.Containers[0])
	}
	return pod
}
