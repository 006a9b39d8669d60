package oracle

import (
	"encoding/json"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
)

// setYoungFields sets, by their JSON form, fields that are younger than the oldest release.
func setYoungFields(job *batchv1.Job, j *sim.Job) {
	spec := map[string]any{}
	if j.ManagedBy != "" {
		spec["managedBy"] = j.ManagedBy
	}
	if len(j.SuccessPolicy) > 0 {
		var rules []map[string]any
		for _, r := range j.SuccessPolicy {
			rule := map[string]any{}
			if r.SucceededIndexes != "" {
				rule["succeededIndexes"] = r.SucceededIndexes
			}
			if r.SucceededCount != nil {
				rule["succeededCount"] = *r.SucceededCount
			}
			rules = append(rules, rule)
		}
		spec["successPolicy"] = map[string]any{"rules": rules}
	}
	text, err := json.Marshal(spec)
	if err == nil {
		err = json.Unmarshal(text, &job.Spec)
	}
	if err != nil {
		panic(fmt.Sprintf("setting fields of a Job: %v", err)) // the text is ours
	}
}
