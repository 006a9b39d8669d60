package apiserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	podutil "k8s.io/kubernetes/pkg/api/v1/pod"
)

// Hooks tell the owner of the server what the kubelet did. Calls come in the order of
// the changes, one at a time; they must not call the server.
type Hooks struct {
	// Stored is called for every version of the Pod that a watcher sees, the first and a deletion's included.
	Stored func(pod *v1.Pod)
	// Deleting is called before a deletion by a user, or by a controller, has its effect; grace is what was asked for.
	Deleting func(pod *v1.Pod, grace int64)
	// Removed is called when the object is gone.
	Removed func(pod *v1.Pod)
	// Bound is called for a Pod that a controller made, before anybody sees it; it may change it.
	Bound func(pod *v1.Pod)
	// Released is called when a Job's finalizer is taken off a Pod.
	Released func(pod *v1.Pod)
	// JobStored is called for every version of the Job, the first included.
	JobStored func(job *batchv1.Job)
	// ConfigMap is asked for each read of a ConfigMap; false means: not found.
	ConfigMap func(name string) bool
}

// Server holds the objects. Create it inside the bubble.
type Server struct {
	hooks Hooks

	mu      sync.Mutex
	changed *sync.Cond // a watch event was added
	version int64
	node    *v1.Node
	pods    map[string]*v1.Pod // by namespace/name
	jobs    map[string]*batchv1.Job
	made    int     // objects that were given a generated name
	events  []event // of pods and jobs, in order
}

// event is one entry of a watch.
type event struct {
	resource string
	version  int64
	at       time.Time
	text     []byte
}

// New returns a server that knows one node and nothing else.
func New(node *v1.Node, hooks Hooks) *Server {
	s := &Server{hooks: hooks, version: 1, node: node, pods: map[string]*v1.Pod{}, jobs: map[string]*batchv1.Job{}}
	s.changed = sync.NewCond(&s.mu)
	node.ResourceVersion = "1"
	return s
}

// Client returns the genuine clientset on top of the server. It is answered until it is over, and then no more; nil is never. Its
// watches tell of a change so long after it as delay says.
func (s *Server) Client(over <-chan struct{}, delay time.Duration) (kubernetes.Interface, error) {
	return kubernetes.NewForConfig(&rest.Config{
		Host:          "http://apiserver.invalid",
		Transport:     &session{s, over, make(chan struct{}), delay},
		QPS:           -1,
		ContentConfig: rest.ContentConfig{ContentType: "application/json", AcceptContentTypes: "application/json"},
	})
}

// session is the server as one client sees it.
type session struct {
	*Server
	over  <-chan struct{}
	never chan struct{}
	delay time.Duration // of its watches
}

// RoundTrip answers one request.
func (s *session) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-s.over:
		<-s.never
	default:
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body.Close()
	}
	query := r.URL.Query()
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	// api/v1/RESOURCE, apis/GROUP/VERSION/RESOURCE, each perhaps with namespaces/NS before the resource.
	if parts[0] == "api" {
		parts = parts[2:]
	} else {
		parts = parts[3:]
	}
	namespace := ""
	if len(parts) > 2 && parts[0] == "namespaces" {
		namespace, parts = parts[1], parts[2:]
	}

	if len(parts) == 1 && r.Method == http.MethodGet {
		if query.Get("watch") == "true" || query.Get("watch") == "1" {
			return s.watch(r, parts[0], s.delay)
		}
		return s.list(r, parts[0])
	}
	if len(parts) == 1 && r.Method == http.MethodPost {
		return s.post(r, namespace, parts[0], body)
	}
	if len(parts) < 2 {
		return fail(r, http.StatusMethodNotAllowed, "MethodNotAllowed", r.Method+" "+r.URL.Path)
	}
	switch parts[0] {
	case "pods":
		return s.pod(r, namespace+"/"+parts[1], parts[2:], body)
	case "jobs":
		return s.job(r, namespace+"/"+parts[1], parts[2:], body)
	case "nodes":
		s.mu.Lock()
		defer s.mu.Unlock()
		return answer(r, http.StatusOK, s.node)
	case "configmaps":
		if s.hooks.ConfigMap(parts[1]) {
			return answer(r, http.StatusOK, &v1.ConfigMap{
				TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
				ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: parts[1]},
				Data:       map[string]string{"value": "1"},
			})
		}
	}
	return fail(r, http.StatusNotFound, "NotFound", fmt.Sprintf("%s %q not found", parts[0], parts[1]))
}

// Create stores a pod that is bound already.
func (s *Server) Create(pod *v1.Pod) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.create(pod.DeepCopy())
}

// create stores a Pod. The lock is held.
func (s *Server) create(pod *v1.Pod) {
	pod.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
	pod.CreationTimestamp = metav1.NewTime(time.Now().Truncate(time.Second))
	s.pods[pod.Namespace+"/"+pod.Name] = pod
	s.publish("ADDED", pod)
	s.hooks.Stored(pod)
}

// Delete is what a user's deletion does; grace nil means the pod's own.
func (s *Server) Delete(key string, grace *int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.delete(key, &metav1.DeleteOptions{GracePeriodSeconds: grace}, s.hooks.Deleting); err != nil {
		panic(err) // our own object, in the release's own code
	}
}

// NoteEviction is what an eviction writes before it deletes: the condition DisruptionTarget. registry/core/pod/storage/eviction.go:
// addConditionAndDeletePod.
func (s *Server) NoteEviction(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pod := s.pods[key]
	if pod == nil {
		return
	}
	pod = pod.DeepCopy()
	if !podutil.UpdatePodCondition(&pod.Status, &v1.PodCondition{
		Type: v1.DisruptionTarget, Status: v1.ConditionTrue, Reason: "EvictionByEvictionAPI", Message: "Eviction API: evicting",
	}) {
		return
	}
	s.pods[key] = pod
	s.publish("MODIFIED", pod)
	s.hooks.Stored(pod)
}

// AddEphemeral adds an ephemeral container, unless there is one of that name.
func (s *Server) AddEphemeral(key string, added v1.EphemeralContainer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pod := s.pods[key]
	if pod == nil {
		return
	}
	for _, c := range pod.Spec.EphemeralContainers {
		if c.Name == added.Name {
			return
		}
	}
	pod = pod.DeepCopy()
	pod.Spec.EphemeralContainers = append(pod.Spec.EphemeralContainers, added)
	s.pods[key] = pod
	s.publish("MODIFIED", pod)
}

// More is one more of a resource for a container.
type More struct {
	Container string
	Resource  v1.ResourceName
	Quantity  resource.Quantity
}

// Resize gives containers more, all at once. A container without the resource cannot be resized.
func (s *Server) Resize(key string, all []More) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pod := s.pods[key]
	if pod == nil {
		return
	}
	pod = pod.DeepCopy()
	changed := false
	for _, more := range all {
		for _, list := range [][]v1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
			for i := range list {
				if has, ok := list[i].Resources.Requests[more.Resource]; ok && list[i].Name == more.Container {
					has.Add(more.Quantity)
					list[i].Resources.Requests[more.Resource] = has
					changed = true
				}
			}
		}
	}
	if changed {
		s.pods[key] = pod
		s.publish("MODIFIED", pod)
	}
}

// SetImages gives containers other images, by name.
func (s *Server) SetImages(key string, images map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pod := s.pods[key]
	if pod == nil {
		return
	}
	pod = pod.DeepCopy()
	for _, list := range [][]v1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for i := range list {
			if image, ok := images[list[i].Name]; ok {
				list[i].Image = image
			}
		}
	}
	s.pods[key] = pod
	s.publish("MODIFIED", pod)
}

// Pod returns the stored object, or nil.
func (s *Server) Pod(key string) *v1.Pod {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pods[key]
}

func (s *Server) remove(key string) {
	pod := s.pods[key].DeepCopy()
	delete(s.pods, key)
	s.publish("DELETED", pod)
	s.hooks.Removed(pod)
}

// publish gives the object the next version and wakes the watches.
func (s *Server) publish(kind string, pod *v1.Pod) {
	s.version++
	pod.ResourceVersion = strconv.FormatInt(s.version, 10)
	s.events = append(s.events, event{"pods", s.version, time.Now(), watchEvent(kind, pod)})
	s.changed.Broadcast()
}

func (s *Server) pod(r *http.Request, key string, rest []string, body []byte) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pod := s.pods[key]
	if pod == nil {
		return fail(r, http.StatusNotFound, "NotFound", fmt.Sprintf("pods %q not found", key))
	}
	switch {
	case r.Method == http.MethodGet:
		return answer(r, http.StatusOK, pod)
	case r.Method == http.MethodPatch && len(rest) == 1 && rest[0] == "status":
		return s.patchStatus(r, key, body)
	case r.Method == http.MethodPatch && len(rest) == 0:
		return s.patchFinalizers(r, key, body)
	case r.Method == http.MethodDelete:
		var options metav1.DeleteOptions
		if err := json.Unmarshal(body, &options); err != nil {
			return fail(r, http.StatusBadRequest, "BadRequest", err.Error())
		}
		if p := options.Preconditions; p != nil && p.UID != nil && *p.UID != pod.UID {
			return fail(r, http.StatusConflict, "Conflict", "the UID in the precondition differs")
		}
		told := s.hooks.Deleting
		if options.GracePeriodSeconds != nil { // the kubelet's, which has stopped the Pod
			told = nil
		}
		if err := s.delete(key, &options, told); err != nil {
			return nil, err
		}
		return answer(r, http.StatusOK, pod)
	}
	return fail(r, http.StatusMethodNotAllowed, "MethodNotAllowed", r.Method+" "+r.URL.Path)
}

// patchStatus applies a strategic merge patch; nothing but the status changes.
func (s *Server) patchStatus(r *http.Request, key string, body []byte) (*http.Response, error) {
	old := s.pods[key]
	was, err := json.Marshal(old)
	if err != nil {
		return nil, err
	}
	is, err := strategicpatch.StrategicMergePatch(was, body, v1.Pod{})
	if err != nil {
		return fail(r, http.StatusUnprocessableEntity, "Invalid", err.Error())
	}
	var patched v1.Pod
	if err := json.Unmarshal(is, &patched); err != nil {
		return fail(r, http.StatusUnprocessableEntity, "Invalid", err.Error())
	}
	if patched.UID != old.UID {
		return fail(r, http.StatusConflict, "Conflict", "the UID in the patch differs")
	}
	pod := old.DeepCopy()
	pod.Status = patched.Status
	if pod.Status.QOSClass == "" {
		pod.Status.QOSClass = old.Status.QOSClass
	}
	refused, err := validateStatus(pod, old)
	if err != nil {
		return nil, err
	}
	if refused != "" {
		return fail(r, http.StatusUnprocessableEntity, "Invalid", refused)
	}
	s.pods[key] = pod
	s.publish("MODIFIED", pod)
	s.hooks.Stored(pod)
	return answer(r, http.StatusOK, pod)
}

// kinds are the resources that a kubelet or the Job controller lists and watches.
var kinds = map[string]string{
	"pods":                   "Pod",
	"nodes":                  "Node",
	"services":               "Service",
	"runtimeclasses":         "RuntimeClass",
	"csidrivers":             "CSIDriver",
	"podcertificaterequests": "PodCertificateRequest",
	"jobs":                   "Job",
}

// groupVersion is that of the request, whatever version the release asks for.
func groupVersion(r *http.Request) string {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if parts[0] == "api" {
		return parts[1]
	}
	return parts[1] + "/" + parts[2]
}

func (s *Server) list(r *http.Request, resource string) (*http.Response, error) {
	kind, ok := kinds[resource]
	if !ok {
		return fail(r, http.StatusNotFound, "NotFound", "resource "+resource+" is not served")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	items := []any{}
	switch resource {
	case "nodes":
		items = append(items, s.node)
	case "pods":
		for _, key := range sortedKeys(s.pods) {
			items = append(items, s.pods[key])
		}
	case "jobs":
		for _, key := range sortedKeys(s.jobs) {
			items = append(items, s.jobs[key])
		}
	}
	return answer(r, http.StatusOK, map[string]any{
		"apiVersion": groupVersion(r), "kind": kind + "List",
		"metadata": map[string]any{"resourceVersion": strconv.FormatInt(s.version, 10)},
		"items":    items,
	})
}

func answer(r *http.Request, code int, object any) (*http.Response, error) {
	text, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	return response(r, code, io.NopCloser(bytes.NewReader(text))), nil
}

func fail(r *http.Request, code int, reason metav1.StatusReason, message string) (*http.Response, error) {
	return answer(r, code, &metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
		Status:   metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message,
	})
}

func response(r *http.Request, code int, body io.ReadCloser) *http.Response {
	return &http.Response{
		StatusCode: code, Status: strconv.Itoa(code) + " " + http.StatusText(code),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: -1,
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   body, Request: r,
	}
}
