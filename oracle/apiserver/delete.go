package apiserver

import (
	"context"
	"fmt"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/kubernetes/pkg/apis/core"
	corev1 "k8s.io/kubernetes/pkg/apis/core/v1"
	"k8s.io/kubernetes/pkg/registry/core/pod"
)

// delete answers a request to delete a Pod: it is marked first, even where nothing is to be waited for, and then removed. What the
// mark says the release decides. apiserver's pkg/registry/generic/registry/store.go: Delete, updateForGracefulDeletionAndFinalizers.
// told is called for a request that has an effect, and then the mark counts as a version of the status. The lock is held.
func (s *Server) delete(key string, options *metav1.DeleteOptions, told func(pod *v1.Pod, grace int64)) error {
	old := s.pods[key]
	if old == nil {
		return nil
	}
	asked := options.GracePeriodSeconds
	if asked == nil {
		asked = old.Spec.TerminationGracePeriodSeconds
	}
	marked := &core.Pod{}
	if err := corev1.Convert_v1_Pod_To_core_Pod(old.DeepCopy(), marked, nil); err != nil {
		return fmt.Errorf("converting the Pod: %w", err)
	}
	graceful, pending, err := rest.BeforeDelete(pod.Strategy, genericapirequest.WithNamespace(context.Background(), old.Namespace), marked, options)
	if err != nil {
		return fmt.Errorf("asking the strategy: %w", err)
	}
	if pending || !graceful { // with a period of 0 only finalizers keep it
		return nil
	}
	if told != nil {
		told(old, max(*asked, 0))
	}
	next := old.DeepCopy()
	next.Generation, next.DeletionGracePeriodSeconds = marked.Generation, marked.DeletionGracePeriodSeconds
	when := metav1.NewTime(marked.DeletionTimestamp.Truncate(time.Second)) // as it is spelled
	next.DeletionTimestamp = &when
	s.pods[key] = next
	s.publish("MODIFIED", next)
	removed := *next.DeletionGracePeriodSeconds == 0 && len(next.Finalizers) == 0
	if told != nil && (old.DeletionTimestamp == nil || !removed) {
		s.hooks.Stored(next)
	}
	if removed {
		s.remove(key)
	}
	return nil
}
