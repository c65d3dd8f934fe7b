package cloudflare

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// envelope is what every answer of the API is wrapped in.
type envelope struct {
	Success    bool        `json:"success"`
	Errors     []problem   `json:"errors"`
	Messages   []problem   `json:"messages"`
	Result     any         `json:"result"`
	ResultInfo *resultInfo `json:"result_info,omitempty"`
}

// problem is one error inside of an envelope.
type problem struct {
	Code    int       `json:"code"`
	Message string    `json:"message"`
	Chain   []problem `json:"error_chain,omitempty"`
}

// resultInfo says which page of a list this is.
type resultInfo struct {
	Page       int `json:"page"`
	PerPage    int `json:"per_page"`
	Count      int `json:"count"`
	TotalCount int `json:"total_count"`
	TotalPages int `json:"total_pages"`
}

// apiError is a refusal, with the code and the text that Cloudflare gives.
type apiError struct {
	status  int
	problem problem
}

func (e *apiError) Error() string {
	return fmt.Sprintf("%d: %s (code %d)", e.status, e.problem.Message, e.problem.Code)
}

func refuse(status, code int, format string, args ...any) *apiError {
	return &apiError{status: status, problem: problem{Code: code, Message: fmt.Sprintf(format, args...)}}
}

// reply is what an endpoint answers when it does not refuse.
type reply struct {
	status int // 0 for 200
	result any
	info   *resultInfo
	bare   bool // the result is the whole body, without an envelope
}

// send writes the reply of an endpoint into the call.
func (c *call) send(r reply) {
	status := r.status
	if status == 0 {
		status = http.StatusOK
	}
	if r.bare {
		c.sendJSON(status, r.result)
		return
	}
	c.sendJSON(status, envelope{
		Success: true, Errors: []problem{}, Messages: []problem{}, Result: r.result, ResultInfo: r.info,
	})
}

// sendError writes a refusal into the call.
func (c *call) sendError(e *apiError) {
	c.sendJSON(e.status, envelope{Errors: []problem{e.problem}, Messages: []problem{}})
}

func (c *call) sendJSON(status int, body any) {
	content, err := json.Marshal(body)
	if err != nil {
		status, content = http.StatusInternalServerError, []byte(err.Error())
	}
	c.answer(status, "application/json", content)
}

// answer keeps the answer until the call is delivered.
func (c *call) answer(status int, contentType string, body []byte) {
	c.header.Set("Content-Type", contentType)
	c.status, c.body = status, body
}

// page cuts the asked page out of a list. A page beyond the end is empty.
func page[T any](c *call, items []T, byDefault, most int) ([]T, *resultInfo) {
	perPage := min(c.number("per_page", byDefault), most)
	number := c.number("page", 1)
	total := len(items)
	from := min((number-1)*perPage, total)
	part := items[from:min(from+perPage, total)]
	return part, &resultInfo{
		Page: number, PerPage: perPage, Count: len(part), TotalCount: total,
		TotalPages: (total + perPage - 1) / perPage,
	}
}

// number reads a positive number from the query.
func (c *call) number(name string, byDefault int) int {
	n, err := strconv.Atoi(c.query.Get(name))
	if err != nil || n < 1 {
		return byDefault
	}
	return n
}

// views turns stored things into what the API shows; never nil, since an empty
// list is encoded as [].
func views[T, V any](items []T, view func(T) V) []V {
	shown := make([]V, 0, len(items))
	for _, item := range items {
		shown = append(shown, view(item))
	}
	return shown
}
