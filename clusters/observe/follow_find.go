package observe

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// findNodes sets the nodes that the Pod is on, or may come to, and says whether the Pod is there.
func (r *Recorder) findNodes(ctx context.Context, f *Followed) (there bool, err error) {
	pod, err := r.cluster.Existing.Client.CoreV1().Pods(f.Namespace).Get(ctx, f.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err) && f.Wait <= 0:
		return false, fmt.Errorf("%w: %s in namespace %s", ErrNoPod, f.Name, f.Namespace)
	case err != nil && !apierrors.IsNotFound(err):
		return false, fmt.Errorf("looking for Pod %s in namespace %s: %w", f.Name, f.Namespace, err)
	}
	there = err == nil
	if r.cluster.Nodes == nil {
		return there, nil
	}
	if there && pod.Annotations[corev1.MirrorPodAnnotationKey] != "" {
		return true, fmt.Errorf("Pod %s is the mirror of a static Pod: the runtime knows its containers by another name", f.Name)
	}
	if there && pod.Spec.NodeName != "" {
		r.nodes = []string{pod.Spec.NodeName}
		return true, nil
	}
	r.nodes, err = r.cluster.Nodes.Nodes()
	return there, err
}

// noteListed has the Pods of lists heard like those of the watch. What it returns says whether a Pod was in the first list: then it was
// there before.
func (r *Recorder) noteListed() (old func(types.UID) bool) {
	var mu sync.Mutex
	var first []types.UID
	asked := false
	r.appeared = make(chan version, 1)
	r.listed = func(list *corev1.PodList) {
		now := time.Now()
		mu.Lock()
		defer mu.Unlock()
		for i := range list.Items {
			if !asked {
				first = append(first, list.Items[i].UID)
			}
			r.podHeard("", &list.Items[i], now)
		}
		if asked {
			r.removedUnheard(list, now)
		}
		asked = true
	}
	return func(uid types.UID) bool {
		mu.Lock()
		defer mu.Unlock()
		return slices.Contains(first, uid)
	}
}

// removedUnheard has the Pod's removal heard if a later list lacks it: the watch broke, and will not tell.
func (r *Recorder) removedUnheard(list *corev1.PodList, now time.Time) {
	r.mu.Lock()
	plays := slices.Clone(r.plays)
	r.mu.Unlock()
	for _, p := range plays {
		if p.removed() || slices.ContainsFunc(list.Items, func(pod corev1.Pod) bool { return pod.UID == p.uid }) {
			continue
		}
		p.mu.Lock()
		last := p.versions[len(p.versions)-1].pod
		p.mu.Unlock()
		p.take(version{last, now, true})
	}
}

// awaitPod waits for the Pod's first version. Where it was there it has been heard already, unless it went meanwhile.
func (r *Recorder) awaitPod(ctx context.Context, f *Followed, there bool) (version, error) {
	const justGone = time.Second
	wait := f.Wait
	if there {
		wait = max(wait, justGone)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case v := <-r.appeared:
		return v, nil
	case <-timer.C:
		return version{}, fmt.Errorf("%w: %s did not come to namespace %s within %v", ErrNoPod, f.Name, f.Namespace, wait)
	case <-ctx.Done():
		return version{}, fmt.Errorf("waiting for Pod %s: %w", f.Name, ctx.Err())
	}
}

// playOf makes the Pod the one that is played.
func (r *Recorder) playOf(f *Followed, first version, old bool) (*play, error) {
	pod := first.pod
	scenario, err := lowered(pod)
	if err != nil {
		return nil, err
	}
	p := &play{recorder: r, name: FollowedName(f.Namespace, f.Name), scenario: scenario, table: tableOf(&pod.Spec, nil), pod: f.Name, uid: pod.UID,
		followed: true, news: make(chan struct{})}
	if old {
		if err := r.identify(pod); err != nil {
			return nil, err
		}
		p.since = time.Now()
	}
	p.asked = pod.CreationTimestamp.Time
	// The creation is a time cut to seconds, by another clock perhaps. Of a Pod that came later, the first version tells it better.
	if p.zero = p.asked; !old || p.zero.After(first.arrived) {
		p.zero = first.arrived
	}
	if p.asked.After(p.zero) {
		p.asked = p.zero
	}
	for _, m := range pod.ManagedFields {
		p.owners = append(p.owners, m.Manager)
	}
	r.adopt(p, pod.UID)
	r.mu.Lock()
	r.plays = append(r.plays, p)
	r.mu.Unlock()
	return p, nil
}

// FollowedName is the name of a followed Pod in recordings.
func FollowedName(namespace, name string) string { return "pod/" + namespace + "/" + name }

// plainUID is a UID that means nothing to a shell.
var plainUID = regexp.MustCompile(`^[0-9A-Za-z-]+$`)

// identify asks whose the containers of a Pod are that were made before anybody listened.
func (r *Recorder) identify(pod *corev1.Pod) error {
	if !plainUID.MatchString(string(pod.UID)) {
		return fmt.Errorf("Pod %s has the UID %q, which no shell should see", pod.Name, pod.UID)
	}
	for _, s := range r.streams {
		text, err := s.shell.ask(`ctr -n ` + criNamespace + ` containers list -q 'labels."io.kubernetes.pod.uid"==` + string(pod.UID) + `'`)
		if err != nil {
			return fmt.Errorf("looking for the containers of Pod %s: %w", pod.Name, err)
		}
		for id := range strings.FieldsSeq(string(text)) {
			s.identify(id)
		}
	}
	return nil
}

// kindOf is the position in Target.Nodes of what a node is; the first where it is not known.
func (r *Recorder) kindOf(node string) int {
	for i := range r.cluster.Facts.Nodes {
		if n := &r.cluster.Facts.Nodes[i]; n.NodeName == node && n.Kind >= 0 && n.Kind < len(r.cluster.Target.Nodes) {
			return n.Kind
		}
	}
	return 0
}
