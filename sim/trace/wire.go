package trace

// The types of the JSON form, field by field, for reading it.
type (
	traceJSON struct {
		Version    string          `json:"version"`
		Target     string          `json:"target"`
		Scenario   string          `json:"scenario"`
		Ending     string          `json:"ending"`
		EndedAt    string          `json:"endedAt"`
		Assumed    []string        `json:"assumed"`
		Containers []containerJSON `json:"containers"`
		Events     []eventJSON     `json:"events"`
		Statuses   []statusJSON    `json:"statuses"`
		Jobs       []jobStatusJSON `json:"jobStatuses"`
		Choices    []choiceJSON    `json:"choices"`
		Unknown    []unknownJSON   `json:"unknown"`
	}
	containerJSON struct {
		Name string `json:"name"`
		Role string `json:"role"`
	}
	podJSON struct {
		Index   int32 `json:"index"`
		Attempt int32 `json:"attempt"`
	}
	eventJSON struct {
		At        string      `json:"at"`
		Kind      string      `json:"kind"`
		Pod       podJSON     `json:"pod"`
		Container *string     `json:"container"`
		Run       int32       `json:"run"`
		ExitCode  int32       `json:"exitCode"`
		Reason    string      `json:"reason"`
		Span      string      `json:"span"`
		Causes    []causeJSON `json:"causes"`
	}
	causeJSON struct {
		Event   int32    `json:"event"`
		Because string   `json:"because"`
		Window  []string `json:"window"`
	}
	statusJSON struct {
		At         string                `json:"at"`
		Pod        podJSON               `json:"pod"`
		Event      *int32                `json:"event"`
		Phase      string                `json:"phase"`
		Reason     string                `json:"reason"`
		Message    string                `json:"message"`
		Deleting   bool                  `json:"deleting"`
		Conditions []conditionJSON       `json:"conditions"`
		Containers []containerStatusJSON `json:"containers"`
	}
	conditionJSON struct {
		Type    string `json:"type"`
		Status  string `json:"status"`
		Reason  string `json:"reason"`
		Message string `json:"message"`
	}
	jobStatusJSON struct {
		At                 string          `json:"at"`
		Event              *int32          `json:"event"`
		Active             int32           `json:"active"`
		Succeeded          int32           `json:"succeeded"`
		Failed             int32           `json:"failed"`
		Ready              *int32          `json:"ready"`
		Terminating        *int32          `json:"terminating"`
		UncountedSucceeded int32           `json:"uncountedSucceeded"`
		UncountedFailed    int32           `json:"uncountedFailed"`
		CompletedIndexes   string          `json:"completedIndexes"`
		FailedIndexes      string          `json:"failedIndexes"`
		Started            *string         `json:"started"`
		Completed          *string         `json:"completed"`
		Conditions         []conditionJSON `json:"conditions"`
	}
	containerStatusJSON struct {
		Name      string     `json:"name"`
		Ready     bool       `json:"ready"`
		Started   bool       `json:"started"`
		Restarts  int32      `json:"restarts"`
		State     *stateJSON `json:"state"`
		LastState *stateJSON `json:"lastState"`
	}
	stateJSON struct {
		Kind     string `json:"kind"`
		Reason   string `json:"reason"`
		ExitCode int32  `json:"exitCode"`
		Run      *int32 `json:"run"`
	}
	choiceJSON struct {
		At      string `json:"at"`
		Point   string `json:"point"`
		Options int32  `json:"options"`
		Taken   int32  `json:"taken"`
	}
	unknownJSON struct {
		Field string `json:"field"`
		Why   string `json:"why"`
	}
)
