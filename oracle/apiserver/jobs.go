package apiserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	v1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/kubernetes/pkg/apis/batch"
	_ "k8s.io/kubernetes/pkg/apis/batch/install" // the scheme's Jobs and their defaults
	corebatchv1 "k8s.io/kubernetes/pkg/apis/batch/v1"
	"k8s.io/kubernetes/pkg/registry/batch/job"
)

// DefaultJob applies the release's own defaulting.
func DefaultJob(j *batchv1.Job) { corebatchv1.SetObjectDefaults_Job(j) }

// AdmitJob does what the release's API server does with a new Job, as Admit does with a Pod.
func AdmitJob(j *batchv1.Job) (stored *batchv1.Job, refused *apierrors.StatusError, err error) {
	internal := &batch.Job{}
	if err := corebatchv1.Convert_v1_Job_To_batch_Job(j.DeepCopy(), internal, nil); err != nil {
		return nil, nil, fmt.Errorf("converting the Job: %w", err)
	}
	err = rest.BeforeCreate(job.Strategy, jobContext(internal.Namespace, "create"), internal)
	if errors.As(err, &refused) && apierrors.IsInvalid(err) {
		err = nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("asking the strategy: %w", err)
	}
	stored = &batchv1.Job{}
	if err := corebatchv1.Convert_batch_Job_To_v1_Job(internal, stored, nil); err != nil {
		return nil, nil, fmt.Errorf("converting the Job back: %w", err)
	}
	return stored, refused, nil
}

func jobContext(namespace, verb string) context.Context {
	ctx := genericapirequest.WithNamespace(context.Background(), namespace)
	return genericapirequest.WithRequestInfo(ctx, &genericapirequest.RequestInfo{
		IsResourceRequest: true, Verb: verb, APIGroup: "batch", APIVersion: "v1", Resource: "jobs", Namespace: namespace,
	})
}

// CreateJob stores a Job that AdmitJob returned.
func (s *Server) CreateJob(j *batchv1.Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j = j.DeepCopy()
	j.TypeMeta = metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"}
	j.CreationTimestamp = metav1.NewTime(time.Now().Truncate(time.Second))
	s.storeJob("ADDED", j)
}

// PatchJob changes the spec of a Job as a client does; the strategy counts its generation.
func (s *Server) PatchJob(key string, change func(*batchv1.JobSpec)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.jobs[key]
	if old == nil {
		return nil
	}
	next := old.DeepCopy()
	change(&next.Spec)
	var is, was batch.Job
	if err := errors.Join(corebatchv1.Convert_v1_Job_To_batch_Job(next, &is, nil), corebatchv1.Convert_v1_Job_To_batch_Job(old.DeepCopy(), &was, nil)); err != nil {
		return fmt.Errorf("converting the Job: %w", err)
	}
	ctx := jobContext(old.Namespace, "patch")
	job.Strategy.PrepareForUpdate(ctx, &is, &was)
	if problems := job.Strategy.ValidateUpdate(ctx, &is, &was); len(problems) > 0 {
		return fmt.Errorf("the API server refuses the patch: %w", problems.ToAggregate())
	}
	next.Generation = is.Generation
	if apiequality.Semantic.DeepEqual(old, next) {
		return nil
	}
	s.storeJob("MODIFIED", next)
	return nil
}

// storeJob gives the Job the next version. The lock is held.
func (s *Server) storeJob(kind string, j *batchv1.Job) {
	s.version++
	j.ResourceVersion = strconv.FormatInt(s.version, 10)
	s.jobs[j.Namespace+"/"+j.Name] = j
	s.events = append(s.events, event{"jobs", s.version, time.Now(), watchEvent(kind, j)})
	s.changed.Broadcast()
	s.hooks.JobStored(j)
}

// post answers a request to create something: Pods are stored, events thrown away.
func (s *Server) post(r *http.Request, namespace, resource string, body []byte) (*http.Response, error) {
	switch resource {
	case "events":
		return answer(r, http.StatusCreated, json.RawMessage(body))
	case "pods":
		s.mu.Lock()
		defer s.mu.Unlock()
		pod := &v1.Pod{}
		if err := json.Unmarshal(body, pod); err != nil {
			return fail(r, http.StatusBadRequest, "BadRequest", err.Error())
		}
		s.made++
		pod.Namespace = namespace
		if pod.Name == "" {
			pod.Name = fmt.Sprintf("%s%05d", pod.GenerateName, s.made)
		}
		pod.UID = types.UID(fmt.Sprintf("00000000-0000-4000-8000-%012d", s.made+1))
		s.hooks.Bound(pod)
		s.create(pod)
		return answer(r, http.StatusCreated, pod)
	}
	return fail(r, http.StatusMethodNotAllowed, "MethodNotAllowed", r.Method+" "+r.URL.Path)
}

// job answers a request about one Job.
func (s *Server) job(r *http.Request, key string, rest []string, body []byte) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.jobs[key]
	switch {
	case old == nil:
		return fail(r, http.StatusNotFound, "NotFound", fmt.Sprintf("jobs %q not found", key))
	case r.Method == http.MethodGet:
		return answer(r, http.StatusOK, old)
	case r.Method == http.MethodPut && len(rest) == 1 && rest[0] == "status":
		return s.putJobStatus(r, old, body)
	}
	return fail(r, http.StatusMethodNotAllowed, "MethodNotAllowed", r.Method+" "+r.URL.Path)
}

// putJobStatus replaces the status, if the release's own validation lets it. What changes nothing makes no version.
func (s *Server) putJobStatus(r *http.Request, old *batchv1.Job, body []byte) (*http.Response, error) {
	sent := &batchv1.Job{}
	if err := json.Unmarshal(body, sent); err != nil {
		return fail(r, http.StatusBadRequest, "BadRequest", err.Error())
	}
	if sent.ResourceVersion != old.ResourceVersion {
		return fail(r, http.StatusConflict, "Conflict", "the object has been modified")
	}
	next := old.DeepCopy()
	next.Status = sent.Status
	var is, was batch.Job
	if err := errors.Join(corebatchv1.Convert_v1_Job_To_batch_Job(next.DeepCopy(), &is, nil), corebatchv1.Convert_v1_Job_To_batch_Job(old.DeepCopy(), &was, nil)); err != nil {
		return nil, fmt.Errorf("converting the Job: %w", err)
	}
	ctx := jobContext(old.Namespace, "update")
	job.StatusStrategy.PrepareForUpdate(ctx, &is, &was)
	if problems := job.StatusStrategy.ValidateUpdate(ctx, &is, &was); len(problems) > 0 {
		return fail(r, http.StatusUnprocessableEntity, "Invalid", problems.ToAggregate().Error())
	}
	if apiequality.Semantic.DeepEqual(old.Status, next.Status) {
		return answer(r, http.StatusOK, old)
	}
	s.storeJob("MODIFIED", next)
	return answer(r, http.StatusOK, next)
}

// patchFinalizers applies a patch of a Pod's metadata. A Pod that waits for nothing else is removed with its last finalizer.
func (s *Server) patchFinalizers(r *http.Request, key string, body []byte) (*http.Response, error) {
	old := s.pods[key]
	was, err := json.Marshal(old)
	if err != nil {
		return nil, err
	}
	is, err := strategicpatch.StrategicMergePatch(was, body, v1.Pod{})
	if err != nil {
		return fail(r, http.StatusUnprocessableEntity, "Invalid", err.Error())
	}
	pod := &v1.Pod{}
	if err := json.Unmarshal(is, pod); err != nil {
		return nil, err
	}
	if len(pod.Finalizers) < len(old.Finalizers) {
		s.hooks.Released(pod)
	}
	s.pods[key] = pod
	if pod.DeletionTimestamp != nil && *pod.DeletionGracePeriodSeconds == 0 && len(pod.Finalizers) == 0 {
		s.remove(key)
		return answer(r, http.StatusOK, pod)
	}
	s.publish("MODIFIED", pod)
	return answer(r, http.StatusOK, pod)
}
