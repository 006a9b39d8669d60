package oracle

import (
	"encoding/json"
	"fmt"

	"github.com/sidecar-conformance/sidecar-conformance/oracle/apiserver"
)

// Admission is what the API server says about one manifest.
type Admission struct {
	// Undecodable is why the manifest is no Pod to anybody, empty otherwise.
	Undecodable string `json:",omitempty"`
	// Unknown is what a client with strict field validation, which is kubectl's default, is refused for: fields that the
	// release does not know, keys written twice. For all others the server goes on without those fields.
	Unknown []string `json:",omitempty"`
	// Message is the refusal as the client shows it, Refused its parts.
	Message string       `json:",omitempty"`
	Refused []FieldError `json:",omitempty"`
	// Stored is the Pod as it is stored, after defaulting and dropping. Nil if it is refused.
	Stored json.RawMessage `json:",omitempty"`
}

// FieldError is one part of a refusal. The text of the whole is Field, colon, Detail.
type FieldError struct{ Field, Type, Detail string }

// admit asks the release's API server about the request's manifest.
func admit(request *Request, response *Response) error {
	restore, skipped := setGates(request.Control)
	defer restore()
	response.SkippedGates = append(response.SkippedGates, skipped...)
	word := &Admission{}
	pod, unknown, err := apiserver.Decode(request.Manifest)
	if err != nil {
		word.Undecodable = err.Error()
		response.Admission = word
		return nil
	}
	for _, u := range unknown {
		word.Unknown = append(word.Unknown, u.Error())
	}
	stored, refused, err := apiserver.Create(pod)
	if err != nil {
		return err
	}
	response.Admission = word
	if refused == nil {
		word.Stored, err = json.Marshal(stored)
		return err
	}
	word.Message = refused.Error()
	if refused.ErrStatus.Details == nil {
		return fmt.Errorf("the refusal has no parts: %s", word.Message)
	}
	for _, cause := range refused.ErrStatus.Details.Causes {
		word.Refused = append(word.Refused, FieldError{cause.Field, string(cause.Type), cause.Message})
	}
	return nil
}
