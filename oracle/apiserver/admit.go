package apiserver

import (
	"context"
	"errors"
	"fmt"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install" // the scheme's Pods and their defaults
	corev1 "k8s.io/kubernetes/pkg/apis/core/v1"
	"k8s.io/kubernetes/pkg/registry/core/pod"
)

// Default applies the release's own defaulting.
func Default(p *v1.Pod) { corev1.SetObjectDefaults_Pod(p) }

// Decode reads a manifest as the handler of a create request does, defaulting included. Unknown is what a strict client
// (kubectl's default) is refused for, and any other one only warned of; err is what everybody is refused for.
func Decode(manifest []byte) (p *core.Pod, unknown []error, err error) {
	serializer := json.NewSerializerWithOptions(json.DefaultMetaFactory, legacyscheme.Scheme, legacyscheme.Scheme, json.SerializerOptions{Strict: true})
	decoder := legacyscheme.Codecs.DecoderToVersion(serializer, core.SchemeGroupVersion)
	kind := v1.SchemeGroupVersion.WithKind("Pod")
	object, _, err := decoder.Decode(manifest, &kind, &core.Pod{})
	if strict, ok := runtime.AsStrictDecodingError(err); ok {
		unknown, err = strict.Errors(), nil
	}
	if err != nil {
		return nil, nil, err
	}
	p, ok := object.(*core.Pod)
	if !ok {
		return nil, nil, fmt.Errorf("the manifest holds a %T, not a Pod", object)
	}
	return p, unknown, nil
}

// Admit does what the release's API server does with a new Pod: it drops disabled fields and validates. It returns the
// Pod as it would be stored; refused is the server's answer if it is not. Admission plugins and webhooks do not run.
func Admit(p *v1.Pod) (stored *v1.Pod, refused *apierrors.StatusError, err error) {
	internal := &core.Pod{}
	if err := corev1.Convert_v1_Pod_To_core_Pod(p.DeepCopy(), internal, nil); err != nil {
		return nil, nil, fmt.Errorf("converting the Pod: %w", err)
	}
	return Create(internal)
}

// Create is Admit for a Pod that Decode returned. The Pod is changed.
func Create(p *core.Pod) (stored *v1.Pod, refused *apierrors.StatusError, err error) {
	if p.Namespace == "" {
		p.Namespace = metav1.NamespaceDefault // the request's, which a client takes from its own configuration
	}
	ctx := genericapirequest.WithNamespace(context.Background(), p.Namespace)
	ctx = genericapirequest.WithRequestInfo(ctx, &genericapirequest.RequestInfo{
		IsResourceRequest: true, Verb: "create", APIVersion: "v1", Resource: "pods", Namespace: p.Namespace,
	})
	// What a store fills in before it asks the strategy: registry/generic/registry/store.go: create. The UID of the
	// oracle's own Pods stays.
	if p.UID == "" {
		p.UID = "00000000-0000-4000-8000-000000000000"
	}
	if p.CreationTimestamp.IsZero() {
		p.CreationTimestamp = metav1.NewTime(time.Now())
	}
	if p.Name == "" && p.GenerateName != "" {
		p.Name = p.GenerateName + "0"
	}
	err = rest.BeforeCreate(pod.Strategy, ctx, p)
	if errors.As(err, &refused) && apierrors.IsInvalid(err) {
		err = nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("asking the strategy: %w", err)
	}
	stored = &v1.Pod{}
	if err := corev1.Convert_core_Pod_To_v1_Pod(p, stored, nil); err != nil {
		return nil, nil, fmt.Errorf("converting the Pod back: %w", err)
	}
	return stored, refused, nil
}
