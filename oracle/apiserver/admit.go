package apiserver

import (
	"context"
	"fmt"

	v1 "k8s.io/api/core/v1"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/kubernetes/pkg/apis/core"
	corev1 "k8s.io/kubernetes/pkg/apis/core/v1"
	"k8s.io/kubernetes/pkg/registry/core/pod"
)

// Default applies the release's own defaulting.
func Default(p *v1.Pod) { corev1.SetObjectDefaults_Pod(p) }

// Admit does what the release's API server does with a new Pod: it drops disabled fields and validates. It returns the
// Pod as it would be stored; refused is the validation's message. Admission plugins and webhooks do not run.
func Admit(p *v1.Pod) (stored *v1.Pod, refused string, err error) {
	internal := &core.Pod{}
	if err := corev1.Convert_v1_Pod_To_core_Pod(p.DeepCopy(), internal, nil); err != nil {
		return nil, "", fmt.Errorf("converting the Pod: %w", err)
	}
	ctx := genericapirequest.WithNamespace(context.Background(), p.Namespace)
	pod.Strategy.PrepareForCreate(ctx, internal)
	if problems := pod.Strategy.Validate(ctx, internal); len(problems) > 0 {
		refused = problems.ToAggregate().Error()
	}
	stored = &v1.Pod{}
	if err := corev1.Convert_core_Pod_To_v1_Pod(internal, stored, nil); err != nil {
		return nil, "", fmt.Errorf("converting the Pod back: %w", err)
	}
	return stored, refused, nil
}
