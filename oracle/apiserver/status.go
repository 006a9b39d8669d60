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

// transition is what all releases say of a container that is terminated and then is not.
const transition = "may not be transitioned to non-terminated state"

// validateStatus is the release's own validation of a new status; refused is its message. Only what it says of containers that
// leave the state terminated counts: the rest concerns fields that this server does not keep.
func validateStatus(updated, old *v1.Pod) (refused string, err error) {
	is, was := &core.Pod{}, &core.Pod{}
	for _, c := range []struct {
		from *v1.Pod
		to   *core.Pod
	}{{updated, is}, {old, was}} {
		if err := corev1.Convert_v1_Pod_To_core_Pod(c.from.DeepCopy(), c.to, nil); err != nil {
			return "", fmt.Errorf("converting the Pod: %w", err)
		}
		c.to.ResourceVersion = "1" // an update must name one; the storage would fill it in
	}
	ctx := genericapirequest.WithNamespace(context.Background(), updated.Namespace)
	pod.StatusStrategy.PrepareForUpdate(ctx, is, was)
	for _, problem := range pod.StatusStrategy.ValidateUpdate(ctx, is, was) {
		if problem.Detail == transition {
			return problem.Error(), nil
		}
	}
	return "", nil
}
