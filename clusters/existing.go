package clusters

import (
	"context"
	"errors"
	"fmt"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// ManagedByLabel and ManagedBy are on every namespace that is made here.
const (
	ManagedByLabel = "app.kubernetes.io/managed-by"
	ManagedBy      = "sidecar-conformance"
)

// PodSecurity is a level of the Pod Security standards, for the namespace that Pods of scenarios run in.
type PodSecurity string

// The levels. Scenarios whose containers keep their journal in an emptyDir need Baseline; with a hostPath, Privileged.
const (
	Privileged PodSecurity = "privileged"
	Baseline   PodSecurity = "baseline"
	Restricted PodSecurity = "restricted"
)

// Existing is a cluster that somebody else made.
type Existing struct {
	Config *rest.Config
	Client kubernetes.Interface
	// From is where it was found, with the name of the context that was the current one. It leads another process to the same cluster.
	From Kubeconfig
}

// Kubeconfig says where to find a cluster.
type Kubeconfig struct {
	// File is the file to read, which must be there.
	File string
	// Files are read where File is empty: they are merged, the first wins, as in $KUBECONFIG. If none is there, the cluster is
	// meant that the process runs in.
	Files []string
	// Context is the context to take; empty for the current one.
	Context string
}

// Open reads a kubeconfig. It does not talk to the cluster.
func Open(k Kubeconfig) (*Existing, error) {
	rules := &clientcmd.ClientConfigLoadingRules{ExplicitPath: k.File, Precedence: k.Files}
	overrides := &clientcmd.ConfigOverrides{CurrentContext: k.Context}
	loading := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides)
	config, err := loading.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	e, err := OpenConfig(config)
	if err != nil {
		return nil, err
	}
	if raw, err := loading.RawConfig(); err == nil && k.Context == "" {
		k.Context = raw.CurrentContext
	}
	e.From = k
	return e, nil
}

// OpenConfig makes a client. Its rate limit is lifted: it is the API server that says when it is too much.
func OpenConfig(config *rest.Config) (*Existing, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1
	config.UserAgent = ManagedBy
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return &Existing{Config: config, Client: client}, nil
}

// Namespace is a namespace that was made for a run.
type Namespace struct {
	Name   string
	client kubernetes.Interface
	// done is called once it was taken away, or could not be; nil for nobody.
	done func()
}

// nameLength is that of the part of a name that is drawn: long enough that no two runs ever draw the same.
const nameLength = 10

// NewNamespace makes a namespace with a name of its own, labelled for Pod Security, and waits until Pods can be created in
// it: that takes a service account, which a controller adds. What it made is taken away if it fails.
//
// Guard is told the name before there is a namespace, so that nothing can be lost between, and the function that it returns is
// called once Delete has ended; nil for nobody.
func (e *Existing) NewNamespace(ctx context.Context, level PodSecurity, guard func(name string) (done func())) (*Namespace, error) {
	if level != Privileged && level != Baseline && level != Restricted {
		return nil, fmt.Errorf("Pod Security level %q: want privileged, baseline or restricted", level)
	}
	n := &Namespace{Name: Prefix + rand.String(nameLength), client: e.Client}
	if guard != nil {
		n.done = guard(n.Name)
	}
	_, err := e.Client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: n.Name,
		Labels: map[string]string{
			ManagedByLabel:                       ManagedBy,
			"pod-security.kubernetes.io/enforce": string(level),
			"pod-security.kubernetes.io/warn":    string(level),
		},
	}}, metav1.CreateOptions{})
	if err != nil {
		_ = n.discard(ctx) // perhaps it was made all the same, and only the answer was lost; who was refused is refused again
		return nil, fmt.Errorf("making a namespace: %w", err)
	}
	err = wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		_, err := e.Client.CoreV1().ServiceAccounts(n.Name).Get(ctx, "default", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("waiting for the default service account in namespace %s: %w", n.Name, err), n.discard(ctx))
	}
	return n, nil
}

// discard is Delete after a failure, which may be the end of the context.
func (n *Namespace) discard(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return n.Delete(ctx)
}

// Delete deletes the namespace with all that is in it, and waits until it is gone. A namespace that is gone is no error.
func (n *Namespace) Delete(ctx context.Context) error {
	if n.done != nil {
		defer n.done()
	}
	err := n.client.CoreV1().Namespaces().Delete(ctx, n.Name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting namespace %s: %w", n.Name, err)
	}
	err = wait.PollUntilContextCancel(ctx, 200*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		_, err := n.client.CoreV1().Namespaces().Get(ctx, n.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		return false, err
	})
	if err != nil {
		return fmt.Errorf("waiting until namespace %s is gone: %w", n.Name, err)
	}
	return nil
}

// Leftovers returns the namespaces of earlier runs that were killed before they could clean up: those with our label that
// are older than the age.
func (e *Existing) Leftovers(ctx context.Context, age time.Duration) ([]*Namespace, error) {
	list, err := e.Client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{LabelSelector: ManagedByLabel + "=" + ManagedBy})
	if err != nil {
		return nil, fmt.Errorf("listing namespaces: %w", err)
	}
	var old []*Namespace
	for i := range list.Items {
		if item := &list.Items[i]; time.Since(item.CreationTimestamp.Time) > age {
			old = append(old, &Namespace{Name: item.Name, client: e.Client})
		}
	}
	return old, nil
}

// Denied asks the API server which of the needed permissions it would refuse. A cluster that does not answer such questions
// is an error.
func (e *Existing) Denied(ctx context.Context, n Needs) ([]Permission, error) {
	var denied []Permission
	for _, p := range n.permissions() {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: p.review()}
		answer, err := e.Client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		if err != nil {
			return nil, fmt.Errorf("asking for permission to %s: %w", p.Permission, err)
		}
		if !answer.Status.Allowed {
			denied = append(denied, p.Permission)
		}
	}
	return denied, nil
}
