//! Talks to an SMTP server that is a few lines of this file.

use mail::{Letter, Mailer};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Serves one connection; everything the client said. `refusal` is the answer to the recipient, if it is refused.
async fn serve(listener: TcpListener, refusal: Option<&'static str>) -> String {
    let (stream, _) = listener.accept().await.expect("a connection");
    converse(stream, refusal).await.unwrap_or_default()
}

async fn converse(stream: TcpStream, refusal: Option<&str>) -> std::io::Result<String> {
    let (reading, mut writing) = stream.into_split();
    let mut lines = BufReader::new(reading).lines();
    let (mut said, mut is_data) = (String::new(), false);
    writing.write_all(b"220 test\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        said.push_str(&line);
        said.push('\n');
        let answer = match line.as_str() {
            "." if is_data => {
                is_data = false;
                "250 taken"
            }
            _ if is_data => continue,
            "DATA" => {
                is_data = true;
                "354 go on"
            }
            "QUIT" => {
                writing.write_all(b"221 bye\r\n").await?;
                break;
            }
            line if line.starts_with("RCPT") => refusal.unwrap_or("250 ok"),
            _ => "250 ok",
        };
        writing.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(said)
}

async fn server(refusal: Option<&'static str>) -> (Mailer, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let mailer = Mailer::smtp(&format!("smtp://{address}"), "Backline <noreply@example.org>");
    (mailer.expect("a mailer"), tokio::spawn(serve(listener, refusal)))
}

fn letter(text: &str) -> Letter {
    Letter::new(Uuid::now_v7(), "ada@example.org", "Hello", text).expect("a letter")
}

#[tokio::test]
async fn a_letter_reaches_the_server_as_one_message() {
    let (mailer, server) = server(None).await;
    mailer.send(&letter("A line\n.\nRCPT TO:<eve@example.org>\nQUIT\n")).await.expect("sent");
    let said = server.await.expect("a conversation");
    assert!(said.contains("MAIL FROM:<noreply@example.org>"), "{said}");
    assert_eq!(said.matches("\nRCPT TO:<ada@example.org>\nDATA\n").count(), 1, "{said}");
    assert!(said.contains("Subject: Hello") && said.contains("\n..\n"), "{said}");
    assert!(said.ends_with("\n.\nQUIT\n"), "{said}");
}

#[tokio::test]
async fn a_letter_that_is_refused_was_not_sent() {
    let (mailer, server) = server(Some("451 later")).await;
    let refused = mailer.send(&letter("A secret link")).await.expect_err("refused").to_string();
    assert!(refused.contains("451") || refused.contains("transient"), "{refused}");
    assert!(!refused.contains("secret"));
    server.await.expect("a conversation");
}

#[tokio::test]
async fn nobody_there_is_an_error_and_not_a_wait() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let mailer = Mailer::smtp(&format!("smtp://{address}"), "noreply@example.org");
    assert!(mailer.expect("a mailer").send(&letter("x")).await.is_err());
}

#[test]
fn settings_are_checked_and_their_password_is_kept() {
    for url in ["smtps://u:hunter2@host:465", "smtp://u:hunter2@host:587?tls=required", "smtp://h"]
    {
        assert!(Mailer::smtp(url, "noreply@example.org").is_ok(), "{url}");
    }
    for url in ["", "host", "http://u:hunter2@host", "smtp://u:hunter2@host?tls=perhaps"] {
        let refused = Mailer::smtp(url, "noreply@example.org").err().expect("refused").to_string();
        assert!(!refused.contains("hunter2"), "{refused}");
    }
    assert!(Mailer::smtp("smtp://h", "nobody").is_err());
}
