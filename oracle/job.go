package oracle

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sidecar-conformance/sidecar-conformance/oracle/apiserver"
	"github.com/sidecar-conformance/sidecar-conformance/oracle/jobs"
	"github.com/sidecar-conformance/sidecar-conformance/oracle/node"
	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// runJob is run for a scenario with a Job: the Job controller joins the kubelet in the bubble.
func runJob(request *Request, response *Response, config sim.Config, record *recording) error {
	if !maps.Equal(request.Control, request.Node) {
		return errors.New("the Job controller and the kubelet share one process, so their gates cannot differ")
	}
	if request.SkipAdmission {
		return errors.New("a Job cannot be stored without admission: the API server, the controller and the kubelet are of one release")
	}
	if request.Scenario.Job.TTLSecondsAfterFinished != nil {
		return errors.New("ttlSecondsAfterFinished is not supported: no TTL controller, no garbage collector")
	}
	if asksForConfigErrors(&request.Scenario) {
		return errors.New("ConfigError is not supported in a Job: its Pods share the ConfigMap, and a request for it does not say who asks")
	}
	restore, skipped := setGates(request.Node)
	defer restore()
	response.SkippedGates = append(response.SkippedGates, skipped...)
	job, can := jobManifest(&request.Scenario), featuresNow()
	apiserver.DefaultJob(job)
	stored, refused, err := apiserver.AdmitJob(job)
	if err != nil {
		return err
	}
	if refused != nil {
		record.trace.Events = []trace.Event{{Kind: trace.JobRefused, Container: trace.NoContainer, Reason: refused.Error()}}
		record.trace.Ending = trace.EndingRefused
		return nil
	}
	return (&life{request: request, config: config, record: record, job: stored, can: can}).run()
}

// asksForConfigErrors reports whether a container of any Pod of the Job shall not be configured.
func asksForConfigErrors(s *sim.Scenario) bool {
	var all []sim.Behavior
	for _, c := range slices.Concat(s.Pod.Init, s.Pod.Main) {
		all = append(all, c.Behavior)
	}
	for _, script := range s.Job.Pods {
		for _, c := range script.Containers {
			all = append(all, c.Behavior)
		}
	}
	return slices.ContainsFunc(all, func(b sim.Behavior) bool {
		return slices.ContainsFunc(b.Starts, func(start sim.Start) bool { return start.Create == "ConfigError" })
	})
}

// jobManifest is the Job of the API for the model's.
func jobManifest(s *sim.Scenario) *batchv1.Job {
	pod, j := manifest(s.Pod, s.Steps), s.Job
	pod.Spec.NodeName = ""
	job := &batchv1.Job{
		TypeMeta:   metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"},
		ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace, UID: uid},
		Spec: batchv1.JobSpec{
			Template: v1.PodTemplateSpec{Spec: pod.Spec}, Parallelism: j.Parallelism, Completions: j.Completions,
			BackoffLimit: j.BackoffLimit, BackoffLimitPerIndex: j.BackoffLimitPerIndex, MaxFailedIndexes: j.MaxFailedIndexes,
			ActiveDeadlineSeconds: j.ActiveDeadlineSeconds,
		},
	}
	if j.Suspend {
		job.Spec.Suspend = &j.Suspend
	}
	if j.Indexed {
		mode := batchv1.IndexedCompletion
		job.Spec.CompletionMode = &mode
	}
	if j.PodReplacementPolicy != "" {
		policy := batchv1.PodReplacementPolicy(j.PodReplacementPolicy)
		job.Spec.PodReplacementPolicy = &policy
	}
	job.Spec.PodFailurePolicy = failurePolicy(j.PodFailurePolicy)
	setYoungFields(job, j)
	return job
}

func failurePolicy(rules []sim.FailureRule) *batchv1.PodFailurePolicy {
	if len(rules) == 0 {
		return nil
	}
	policy := &batchv1.PodFailurePolicy{}
	for _, r := range rules {
		rule := batchv1.PodFailurePolicyRule{Action: batchv1.PodFailurePolicyAction(r.Action)}
		if m := r.OnExitCodes; m != nil {
			rule.OnExitCodes = &batchv1.PodFailurePolicyOnExitCodesRequirement{Operator: batchv1.PodFailurePolicyOnExitCodesOpIn, Values: m.Values}
			if m.NotIn {
				rule.OnExitCodes.Operator = batchv1.PodFailurePolicyOnExitCodesOpNotIn
			}
			if m.Container != "" {
				rule.OnExitCodes.ContainerName = &m.Container
			}
		}
		for _, c := range r.OnPodConditions {
			rule.OnPodConditions = append(rule.OnPodConditions, batchv1.PodFailurePolicyOnPodConditionsPattern{
				Type: v1.PodConditionType(c.Type), Status: v1.ConditionStatus(c.Status),
			})
		}
		policy.Rules = append(policy.Rules, rule)
	}
	return policy
}

// startJobs starts the Job controller on a client of its own, whose watches are late by the configured delay.
func (l *life) startJobs() error {
	client, err := l.server.Client(nil, l.config.WatchDelay)
	if err != nil {
		return err
	}
	return jobs.Start(client)
}

// bound makes a Pod of the Job as the scheduler leaves it, and tells the runtime what its processes will do. It is called with the
// server's lock held.
func (l *life) bound(pod *v1.Pod) {
	apiserver.Default(pod)
	pod.Spec.NodeName = node.Name
	bind(pod)
	ref := l.record.addPod(pod)
	l.runtime.Load(string(pod.UID), l.request.Scenario.PodFor(ref), l.config.Latency, imageOf)
}

// addPod names a Pod of the Job: by its index, or its number.
func (r *recording) addPod(pod *v1.Pod) trace.PodRef {
	r.mu.Lock()
	defer r.mu.Unlock()
	ref := trace.PodRef{Index: int32(len(r.pods))}
	if text, indexed := pod.Annotations[batchv1.JobCompletionIndexAnnotation]; indexed {
		index, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			panic(err) // the controller's own
		}
		ref.Index = int32(index)
		for _, other := range r.pods {
			if other.Index == ref.Index {
				ref.Attempt++
			}
		}
	}
	r.pods[string(pod.UID)] = ref
	r.names = append(r.names, podName{pod.Namespace + "/" + pod.Name, ref})
	r.emit(trace.Event{Kind: trace.PodCreated}, string(pod.UID), "")
	r.emit(trace.Event{Kind: trace.PodBound}, string(pod.UID), "")
	return ref
}

// podName is the key of a Pod of the Job.
type podName struct {
	key string
	ref trace.PodRef
}

// podNamed is the key and the UID of the first Pod that matches and exists; of a run without a Job those of its Pod.
func (l *life) podNamed(m *sim.PodMatch) (key, uid string) {
	if l.job == nil {
		return l.pod.Namespace + "/" + l.pod.Name, string(l.pod.UID)
	}
	l.record.mu.Lock()
	names := l.record.names
	l.record.mu.Unlock()
	for _, n := range names {
		if pod := l.server.Pod(n.key); picks(m, n.ref) && pod != nil {
			return n.key, string(pod.UID)
		}
	}
	return "", ""
}

func picks(m *sim.PodMatch, ref trace.PodRef) bool {
	return m == nil || (m.Index == nil || *m.Index == ref.Index) && (m.Attempt == nil || *m.Attempt == ref.Attempt)
}

// patchJob takes a step that patches the Job.
func (l *life) patchJob(p *sim.JobPatch) {
	err := l.server.PatchJob(l.job.Namespace+"/"+l.job.Name, func(s *batchv1.JobSpec) {
		if p.Suspend != nil {
			s.Suspend = p.Suspend
		}
		if p.Parallelism != nil {
			s.Parallelism = p.Parallelism
		}
		if p.Completions != nil {
			s.Completions = p.Completions
		}
		if p.BackoffLimit != nil {
			s.BackoffLimit = p.BackoffLimit
		}
		if p.ActiveDeadlineSeconds != nil {
			s.ActiveDeadlineSeconds = p.ActiveDeadlineSeconds
		}
	})
	if err != nil {
		l.err = err
	}
}

func (r *recording) released(pod *v1.Pod) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.emit(trace.Event{Kind: trace.PodCounted}, string(pod.UID), "")
}

// jobStored adds a version of the Job's status, and the events that follow from what is new in it.
func (r *recording) jobStored(job *batchv1.Job) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := r.now()
	if !ok {
		return
	}
	s := &job.Status
	version := trace.JobStatus{
		At: at, Event: -1, Active: s.Active, Succeeded: s.Succeeded, Failed: s.Failed, Ready: trace.Unset, Terminating: trace.Unset,
		CompletedIndexes: s.CompletedIndexes, Started: r.second(s.StartTime), Completed: r.second(s.CompletionTime),
	}
	if s.Ready != nil {
		version.Ready = *s.Ready
	}
	if s.Terminating != nil {
		version.Terminating = *s.Terminating
	}
	if s.FailedIndexes != nil {
		version.FailedIndexes = *s.FailedIndexes
	}
	if u := s.UncountedTerminatedPods; u != nil {
		version.UncountedSucceeded, version.UncountedFailed = int32(len(u.Succeeded)), int32(len(u.Failed))
	}
	for _, c := range s.Conditions {
		version.Conditions = append(version.Conditions, trace.JobCondition{
			Type: trace.JobConditionType(c.Type), True: c.Status == v1.ConditionTrue, Reason: c.Reason, Message: c.Message,
		})
		r.jobDone = r.jobDone || c.Status == v1.ConditionTrue && (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed)
	}
	before := &trace.JobStatus{}
	if n := len(r.trace.JobStatuses); n > 0 {
		before = &r.trace.JobStatuses[n-1]
	}
	for _, c := range version.Conditions {
		if old := before.Condition(c.Type); old == nil || old.True != c.True {
			r.emit(trace.Event{Kind: jobKind(c)}, "", "")
		}
	}
	r.trace.JobStatuses = append(r.trace.JobStatuses, version)
	r.last = time.Now()
}

// second is the instant of a time of the API, or unset.
func (r *recording) second(t *metav1.Time) trace.Instant {
	if t == nil {
		return trace.Unset
	}
	return trace.Instant(max(t.Sub(r.created), 0))
}

// jobKind is the kind of event that a change of a condition is: only Suspended is taken back.
func jobKind(c trace.JobCondition) trace.Kind {
	if c.Type == trace.JobConditionSuspended && !c.True {
		return trace.JobResumed
	}
	return c.Type.Kind()
}
