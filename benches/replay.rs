//! An HTTP client that asks once and says the same again, so that no work of who is asked is measured.
//!
//! Must not: know who is asked, or answer what failed again.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What was answered, by request.
type Answers = Arc<Mutex<HashMap<Vec<u8>, (StatusCode, Vec<u8>)>>>;

/// The client, of clones that know the same.
#[derive(Debug, Clone)]
pub struct Replay {
    asked: SharedHttpClient,
    answers: Answers,
}

#[derive(Debug)]
struct Replaying {
    asked: SharedHttpConnector,
    answers: Answers,
}

impl Replay {
    /// Over the client that is asked once.
    pub fn over(asked: SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(Self { asked, answers: Answers::default() })
    }
}

impl HttpClient for Replay {
    fn http_connector(&self, settings: &HttpConnectorSettings, parts: &RuntimeComponents) -> SharedHttpConnector {
        let asked = self.asked.http_connector(settings, parts);
        SharedHttpConnector::new(Replaying { asked, answers: Arc::clone(&self.answers) })
    }
}

impl HttpConnector for Replaying {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answers = Arc::clone(&self.answers);
        let operation = request.headers().get("x-amz-target").unwrap_or_default();
        let body = request.body().bytes().unwrap_or_default();
        let key = [request.uri().as_bytes(), operation.as_bytes(), body].concat();
        let known = answers.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some((status, body)) = known {
            return HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body))));
        }
        let asked = self.asked.call(request);
        HttpConnectorFuture::new(async move {
            let answer = asked.await?;
            let (status, body) = (answer.status(), answer.body().bytes().unwrap_or_default().to_vec());
            // What failed may go well the next time, such as a credential report.
            if status.is_success() {
                answers.lock().unwrap_or_else(PoisonError::into_inner).insert(key, (status, body.clone()));
            }
            Ok(HttpResponse::new(status, SdkBody::from(body)))
        })
    }
}
